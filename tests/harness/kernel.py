"""Start a real kernel, talk to it as a notebook does, and keep every message it publishes.

One thread does it all: nothing is read from the sockets while no `wait` is under way, so there
is no lock and no race in here. The order of messages is the kernel's own, and `Message.time` is
the kernel's clock.
"""

from __future__ import annotations

import ast
import contextlib
import fcntl
import importlib.util
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import IO, Any, TypeVar

import zmq
from jupyter_client.connect import write_connection_file
from jupyter_client.session import Session

T = TypeVar("T")

OUTPUTS = frozenset(
    ("clear_output", "display_data", "error", "execute_result", "stream", "update_display_data")
)
PORTS = ("shell_port", "iopub_port", "stdin_port", "hb_port", "control_port")
COLAB_KERNEL = ("--IPKernelApp.kernel_class=google.colab._kernel.Kernel", "--ext=google.colab")


def colab_kernel_is_here() -> bool:
    """Whether Colab's own kernel class can be started; a stub of google.colab has no `_kernel`."""
    try:
        spec = importlib.util.find_spec("google.colab")
    except ModuleNotFoundError:
        return False
    folders = (spec.submodule_search_locations or ()) if spec else ()
    return any(Path(folder, "_kernel.py").exists() for folder in folders)


KERNELS: dict[str, tuple[str, ...]] = {"ipykernel": ()}
"""Kernel classes that can be started here, each with the arguments that choose it."""
if colab_kernel_is_here():
    KERNELS["colab"] = COLAB_KERNEL


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens at, below the range from which systems give ports to clients.

    One of that range may be gone before the kernel, which starts for half a second, has taken it.
    Nor does another process of these tests get one of them before this one ends.
    """
    claims = _claims()
    found: list[int] = []
    while len(found) < count:
        port = random.SystemRandom().randrange(10_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            fcntl.lockf(claims, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
            if port not in found:
                found.append(port)
    return found


@cache
def _claims() -> IO[bytes]:
    """A file whose n-th byte is locked by the process that has claimed port n."""
    return Path(tempfile.gettempdir(), f"colab_magics-test-ports-{os.getuid()}").open("wb")


@dataclass(frozen=True)
class Message:
    """One message of the kernel, cut down to what tests ask for."""

    type: str
    parent: str
    content: dict[str, Any] = field(repr=False)
    time: float
    """The kernel's clock, seconds since the epoch."""
    metadata: dict[str, Any] = field(repr=False)

    @property
    def display_id(self) -> str | None:
        """Id of a display that can be updated."""
        found: str | None = (self.content.get("transient") or {}).get("display_id")
        return found

    @property
    def text(self) -> str:
        """What a person reads: the text of a stream or display, the name of an error."""
        data = self.content.get("data") or {}
        return str(
            self.content.get("text") or data.get("text/plain") or self.content.get("ename") or ""
        )


class Kernel:
    """A kernel of this very Python in a process of its own."""

    def __init__(
        self,
        folder: Path,
        *,
        kernel_args: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
    ) -> None:
        """Prepare; `start` starts it.

        Args:
            folder: the kernel's working directory.
            kernel_args: such as ``COLAB_KERNEL``.
            env: variables on top of this process's own.
        """
        self.folder = folder
        self.folder.mkdir(parents=True, exist_ok=True)
        self.private = Path(f"{folder}.kernel")
        self.private.mkdir(parents=True, exist_ok=True)
        self.log = self.private / "stderr.txt"
        self.messages: list[Message] = []
        self.replies: dict[str, dict[str, Any]] = {}
        self.questions: list[dict[str, Any]] = []
        self._sent: dict[str, str] = {}
        self._args = tuple(kernel_args)
        self._env = dict(env or {})
        self._process: subprocess.Popen[bytes] | None = None
        self._context = zmq.Context()

    # -- its life --------------------------------------------------------------------------

    def start(self) -> Kernel:
        """Start the process and wait until it answers and its published messages arrive."""
        for _ in range(3):
            self._choose_ports()
            if self._launch():
                return self
            if "Address already in use" not in self.stderr():
                break
        raise AssertionError(f"the kernel did not start: {self.stderr()}")

    def _choose_ports(self) -> None:
        """Take free ports, which another program may still take before the kernel does."""
        path = str(self.private / "connection.json")
        key = uuid.uuid4().hex.encode()
        wanted: dict[str, Any] = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
        self._file, ports = write_connection_file(path, ip="127.0.0.1", key=key, **wanted)
        self._ports: dict[str, Any] = dict(ports)
        self._session = Session(key=key, username="test")
        self._shell = self._connect(zmq.DEALER, "shell_port")
        self._control = self._connect(zmq.DEALER, "control_port")
        self._stdin = self._connect(zmq.DEALER, "stdin_port")
        self._iopub = self._connect(zmq.SUB, "iopub_port")

    def _connect(self, kind: int, port: str) -> zmq.Socket[bytes]:
        one = self._context.socket(kind)
        one.linger = 0
        one.rcvhwm = 0
        if kind == zmq.SUB:
            one.subscribe(b"")
        else:
            one.identity = self._session.bsession
        one.connect(f"tcp://127.0.0.1:{self._ports[port]}")
        return one

    def _launch(self) -> bool:
        environ = {
            **os.environ,
            "IPYTHONDIR": str(self.private / "ipython"),
            "JPY_PARENT_PID": str(os.getpid()),  # the kernel ends when the tests are killed
            "MPLBACKEND": "module://matplotlib_inline.backend_inline",
            "PYDEVD_DISABLE_FILE_VALIDATION": "1",
            **self._env,
        }
        command = [sys.executable, "-m", "ipykernel_launcher", "-f", self._file]
        # History stays on, in the private folder: without it ipykernel often takes 10 s to end, as
        # its main thread then stops the output thread before its control thread has flushed.
        command += ["--colors=NoColor", *self._args]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                cwd=self.folder,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # as a Jupyter server does: signals go to the group
            )
        end = time.monotonic() + 60
        while time.monotonic() < end:
            asked = self._ask(self._shell, "kernel_info_request", {})
            if self._pump_until(partial(self._answered, asked), seconds=1.0):
                return True
            if self._process.poll() is not None:
                break
        return False

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The kernel's process; its return code stays readable after it has ended."""
        assert self._process is not None
        return self._process

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.poll() is None

    def stderr(self) -> str:
        """What the kernel's process wrote on stdout and stderr."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def interrupt(self, waiting: str = "") -> float:
        """Do what the notebook's stop button does; `time.monotonic()` of that moment.

        Args:
            waiting: a cell that prints and then waits; the button is pressed once it does. An
                interrupt while a print is still being flushed can be lost in ipykernel 6.17 with
                pyzmq: 6 of 2,375 were on a loaded machine, with nothing of ours loaded.
        """
        if waiting:
            self.settle(waiting, quiet=0.2)
        began = time.monotonic()
        os.killpg(self.process.pid, signal.SIGINT)
        return began

    def restart(self) -> None:
        """End this kernel and start another at the same address, as the restart button does."""
        self._end(restart=True)
        assert self._launch(), f"the kernel did not start again: {self.stderr()}"

    def shutdown(self) -> tuple[float, int]:
        """Ask the kernel to end; how many seconds it took, and its exit code."""
        return self._end(restart=False)

    def _end(self, *, restart: bool) -> tuple[float, int]:
        began = time.monotonic()
        self._ask(self._control, "shutdown_request", {"restart": restart})
        try:
            code = self.process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            code = self.process.wait(10)
        return time.monotonic() - began, code

    def close(self) -> None:
        """Kill the process, whatever state it is in, and let go of the sockets."""
        if self.alive:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(10)
        self._context.destroy(linger=0)

    # -- asking ----------------------------------------------------------------------------

    def send(
        self,
        code: str,
        *,
        cell: str = "",
        stop_on_error: bool = True,
        stdin: bool = True,
        **header: Any,
    ) -> str:
        """Put a cell into the kernel's queue, as a notebook does; its message id comes back.

        Args:
            cell: the cell's own id, for code that is run again in the same cell.
            stdin: whether there is a person who can be asked.
            stop_on_error: whether the cells behind it fall with it.
            header: extra fields of the message's header, such as ``subshell_id``.
        """
        content = {
            "code": code,
            "silent": False,
            "store_history": True,
            "user_expressions": {},
            "allow_stdin": stdin,
            "stop_on_error": stop_on_error,
        }
        # JupyterLab and Colab name the cell in the request's metadata, each in its own way.
        cell = cell or uuid.uuid4().hex
        names = {"cellId": cell, "colab": {"cell_id": cell}}
        return self._ask(self._shell, "execute_request", content, metadata=names, **header)

    def wait(self, mid: str, *, seconds: float = 20.0) -> dict[str, Any]:
        """Wait for the end of a cell; its reply's content.

        When it failed, wait also until the kernel has done aborting what was queued behind it:
        ipykernel takes a turn of its event loop for that after it has said that it is idle, and
        a cell sent in that turn falls too. A second question stands behind that turn.
        """
        answered = partial(self._answered, mid)
        self.wait_for(answered, f"the reply to {self._words(mid)}", seconds=seconds)
        if self.replies[mid]["status"] == "error":
            asked = self._ask(self._shell, "kernel_info_request", {})
            self.wait_for(partial(self._answered, asked), "the kernel after a failed cell")
        return self.replies[mid]

    def run(self, code: str, *, cell: str = "", seconds: float = 20.0) -> str:
        """Run a cell to its end; it must end well."""
        mid = self.send(code, cell=cell)
        reply = self.wait(mid, seconds=seconds)
        assert reply["status"] == "ok", "\n".join(self.shown(mid)) or reply
        return mid

    def refused(self, code: str, *, cell: str = "", seconds: float = 20.0) -> str:
        """Run a cell that must end with a one-line error; that line."""
        mid = self.send(code, cell=cell, stop_on_error=False)
        reply = self.wait(mid, seconds=seconds)
        lines = [line for line in self.shown(mid) if line.strip()]
        assert reply["status"] == "error", "\n".join(lines) or reply
        assert len(lines) == 1, "\n".join(lines)
        return lines[0]

    def eval(self, expression: str, *, seconds: float = 20.0) -> Any:
        """Value of an expression of literals in the user's namespace; leaves no trace there."""
        content = {
            "code": "",
            "silent": True,
            "store_history": False,
            "user_expressions": {"value": f"repr(({expression}))"},
            "allow_stdin": False,
            "stop_on_error": False,
        }
        reply = self.wait(self._ask(self._shell, "execute_request", content), seconds=seconds)
        value = reply["user_expressions"]["value"]
        assert value["status"] == "ok", value
        return ast.literal_eval(ast.literal_eval(value["data"]["text/plain"]))

    def complete(self, code: str) -> list[str]:
        """What the completion menu offers at the end of `code`."""
        return self.completions(code)[0]

    def completions(self, code: str) -> tuple[list[str], int, int]:
        """The same, with the range of `code` that each of them replaces."""
        mid = self._ask(self._shell, "complete_request", {"code": code, "cursor_pos": len(code)})
        reply = self.wait(mid)
        return reply["matches"], reply["cursor_start"], reply["cursor_end"]

    def asked(self) -> dict[str, Any]:
        """Wait for the field in which a cell asks the user for a line; the question's content."""
        self.wait_for(lambda: self.questions, "a question on stdin")
        return self.questions[-1]

    def answer(self, line: str) -> None:
        """Type a line into that field."""
        self.asked()
        self.questions.clear()
        self._session.send(self._stdin, "input_reply", {"value": line})

    def create_subshell(self) -> str:
        """Make a subshell, a second queue with a thread of its own (ipykernel 7); its id."""
        mid = self._ask(self._control, "create_subshell_request", {})
        self.wait_for(lambda: mid in self.replies, "the reply to create_subshell_request")
        subshell: str = self.replies[mid]["subshell_id"]
        return subshell

    def _ask(
        self,
        socket: zmq.Socket[bytes],
        kind: str,
        content: dict[str, Any],
        *,
        metadata: dict[str, Any] | None = None,
        **header: Any,
    ) -> str:
        message = self._session.msg(kind, content, metadata=metadata)
        message["header"].update(header)
        self._session.send(socket, message)
        mid: str = message["header"]["msg_id"]
        self._sent[mid] = content.get("code", kind)
        return mid

    # -- what came back ----------------------------------------------------------------------

    def mark(self) -> int:
        """A point in the stream of messages, for `since`."""
        self._pump(0.0)
        return len(self.messages)

    def of(self, mid: str, *, since: int = 0) -> list[Message]:
        """Every message that belongs to a cell."""
        self._pump(0.0)
        return [m for m in self.messages[since:] if m.parent == mid]

    def outputs(self, mid: str, *, since: int = 0) -> list[Message]:
        """What a notebook shows under a cell, update by update."""
        return [m for m in self.of(mid, since=since) if m.type in OUTPUTS]

    def text(self, mid: str, *, since: int = 0) -> str:
        """What a cell printed."""
        return "".join(m.text for m in self.outputs(mid, since=since) if m.type == "stream")

    def shown(self, mid: str, *, since: int = 0) -> list[str]:
        """Everything a person can read under a cell: prints, plain texts, traceback lines."""
        texts: list[str] = []
        printed = ""  # one print may come in several messages
        for message in self.outputs(mid, since=since):
            stream = message.content["name"] if message.type == "stream" else ""
            if stream and stream == printed:
                texts[-1] += message.text
            elif message.type == "error":
                texts.append("\n".join(message.content["traceback"]))
            else:
                texts.append(message.text)
            printed = stream
        return [line for text in texts for line in text.splitlines()]

    def runs(self, mid: str, *, since: int = 0) -> list[list[Message]]:
        """The executions of a cell that have ended, each from its busy to its idle.

        The first is the user's own; the rest are triggered ones. One that the kernel aborted,
        since a cell before it failed, is none.
        """
        found: list[list[Message]] = []
        now: list[Message] | None = None
        for message in self.of(mid, since=since):
            state = message.content.get("execution_state") if message.type == "status" else None
            if state == "busy":
                now = []
            elif state == "idle" and now is not None:
                if any(m.type == "execute_input" for m in now):
                    found.append(now)
                now = None
            elif now is not None:
                now.append(message)
        return found

    def said(self, mid: str, text: str, *, seconds: float = 20.0) -> None:
        """Wait until a cell has printed `text`."""
        self.wait_for(
            lambda: text in self.text(mid), f"{text!r} from {self._words(mid)}", seconds=seconds
        )

    def elsewhere(self, mid: str, *, since: int = 0) -> list[Message]:
        """Outputs under any other cell."""
        self._pump(0.0)
        return [m for m in self.messages[since:] if m.type in OUTPUTS and m.parent != mid]

    def wait_for_runs(self, mid: str, count: int, *, seconds: float = 20.0) -> list[list[Message]]:
        """Wait until a registered cell has run `count` times on its own; those runs."""
        return self.wait_for(
            lambda: runs if len(runs := self.runs(mid)[1:]) >= count else [],
            f"{count} run(s) of {self._words(mid)}",
            seconds=seconds,
        )

    def wait_for(self, condition: Callable[[], T], what: str, *, seconds: float = 20.0) -> T:
        """Read messages until `condition()` is true, and return what it returned."""
        answer = self._pump_until(condition, seconds=seconds)
        if not answer:
            raise AssertionError(f"waited {seconds:g} s in vain: {what}\n{self.story()}")
        return answer

    def settle(self, mid: str, *, quiet: float, seconds: float = 20.0) -> None:
        """Wait until nothing was published for a cell in the last `quiet` seconds."""
        seen, changed, end = -1, time.monotonic(), time.monotonic() + seconds
        while time.monotonic() < end:
            self._pump(0.05)
            count = len(self.of(mid))
            if count != seen:
                seen, changed = count, time.monotonic()
            elif time.monotonic() - changed >= quiet:
                return
        raise AssertionError(f"never {quiet:g} s of quiet in {self._words(mid)}\n{self.story()}")

    def story(self, last: int = 60) -> str:
        """The newest messages, one line each: what a failing test shows."""
        names: dict[str, str] = {}
        lines = []
        for m in self.messages:
            name = names.setdefault(m.parent, f"{len(names)}:{self._sent.get(m.parent, '?')!r:.40}")
            if m.type in ("status", "comm_open", "comm_msg"):
                detail = m.content.get("execution_state", "")
            elif m.type == "error":
                detail = "\n".join(m.content["traceback"])[-800:]
            else:
                detail = m.text or json.dumps(m.content)[:120]
            lines.append(f"{m.time % 1000:8.3f} {m.type:<20} {detail!r:.300}  <- {name}")
        return "\n".join(lines[-last:])

    def _words(self, mid: str) -> str:
        return f"cell {self._sent.get(mid, mid)!r:.80}"

    def _answered(self, mid: str) -> bool:
        """A reply is there, and everything published before it ended too."""
        if mid not in self.replies:
            return False
        return any(
            m.parent == mid and m.content.get("execution_state") == "idle"
            for m in reversed(self.messages)
        )

    def _pump_until(self, condition: Callable[[], T], *, seconds: float) -> T | None:
        end = time.monotonic() + seconds
        while True:
            self._pump(0.0)
            if answer := condition():
                return answer
            if time.monotonic() > end or (not self.alive and not self._pump(0.2)):
                return condition() or None
            self._pump(0.02)

    def _pump(self, seconds: float) -> bool:
        """Read what has arrived, waiting `seconds` for a first message."""
        poller = zmq.Poller()
        for one in (self._iopub, self._shell, self._control, self._stdin):
            poller.register(one, zmq.POLLIN)
        some = False
        while ready := dict(poller.poll(0 if some else int(seconds * 1000))):
            some = True
            for one in ready:
                self._read(one)
        return some

    def _read(self, one: zmq.Socket[bytes]) -> None:
        _, message = self._session.recv(one, mode=zmq.NOBLOCK)
        if message is None:
            return
        parent = (message["parent_header"] or {}).get("msg_id", "")
        if one is self._iopub:
            kind, date = message["header"]["msg_type"], message["header"]["date"]
            self.messages.append(
                Message(kind, parent, message["content"], date.timestamp(), message["metadata"])
            )
        elif one is self._stdin:
            self.questions.append(message["content"])
        else:
            self.replies[parent] = message["content"]
