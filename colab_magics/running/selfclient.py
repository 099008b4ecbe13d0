"""How does the kernel ask itself to run something?

An `execute_request` sent to the kernel's own shell port is queued among the user's cells: it
runs on the main thread, between cells, with `await`, interrupts and busy/idle as they should be,
and whatever it puts out belongs to the cell whose header it carries.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from typing import Any

from .outputs import Parent

MARK = "colab_magics"
"""The field of a request's header that holds our nonce."""
_PROBE_SECONDS = 1.0


class SelfClient:
    """A shell socket to our own kernel; made, used and closed by one thread."""

    def __init__(self, kernel: Any) -> None:
        import zmq
        from jupyter_client.connect import ConnectionFileMixin

        connection: Any = ConnectionFileMixin()
        connection.context = self._context = zmq.Context()  # our own: the kernel's ends with it
        info = dict(kernel.parent.get_connection_info())
        if info.get("ip") in ("0.0.0.0", "*", "::", ""):
            info["ip"] = "127.0.0.1"
        connection.load_connection_info(info)  # tcp, ipc and curve keys alike
        self._session, self._loop = connection.session, kernel.io_loop
        self._shell = connection.connect_shell(
            identity=b"colab-magics-" + uuid.uuid4().hex.encode()
        )

    def execute(
        self,
        parent: Parent,
        code: str,
        nonce: str,
        *,
        wanted: Callable[[], bool],
        lost: Callable[[], bool],
    ) -> bool:
        """Run `code` as the cell of `parent` and wait; False when waiting was given up.

        Args:
            parent: the message of the registering cell.
            code: what to run.
            nonce: tells this request from every other; without it the kernel takes a second
                request with the same header and code for a replay, and drops it.
            wanted: called at least every 0.1 s meanwhile; False gives up waiting.
            lost: asked when the kernel has answered something that was sent later; True ends the
                waiting as a reply does.
        """
        self._session.send(self._shell, self._request(parent, code, nonce))
        probe, sent_at = "", time.monotonic()
        while wanted():
            if not self._shell.poll(100):
                # A signal is only seen when the loop wakes: github.com/ipython/ipykernel/issues/881
                self._loop.add_callback(_nothing)
                if not probe and time.monotonic() - sent_at > _PROBE_SECONDS:
                    probe = self._probe()
                continue
            try:
                _, reply = self._session.recv(self._shell, mode=0)
            except ValueError:
                continue  # an interrupt has cut it in two while it was sent: as good as lost
            answered = (reply or {}).get("parent_header", {})
            if answered.get(MARK) == nonce:
                return True
            if probe and answered.get("msg_id") == probe:
                if lost():
                    return True
                probe, sent_at = "", time.monotonic()
        return False

    def _request(self, parent: Parent, code: str, nonce: str) -> dict[str, Any]:
        # A subshell's id would send the run to that subshell's thread.
        header = {k: v for k, v in parent["header"].items() if k != "subshell_id"}
        header |= {"msg_type": "execute_request", MARK: nonce}
        content = {
            "code": code,
            "silent": False,
            "store_history": False,
            "user_expressions": {},
            "allow_stdin": False,
            "stop_on_error": False,
        }
        metadata = dict(parent.get("metadata") or {})
        request: dict[str, Any] = self._session.msg(
            "execute_request", header=header, metadata=metadata, content=content
        )
        return request

    def _probe(self) -> str:
        """Ask something that the kernel answers after what was asked before; its message id."""
        message = self._session.msg("kernel_info_request", content={})
        self._session.send(self._shell, message)
        return str(message["header"]["msg_id"])

    def close(self) -> None:
        """Give the socket back, unsent messages dropped."""
        self._context.destroy(linger=0)


def _nothing() -> None:
    pass
