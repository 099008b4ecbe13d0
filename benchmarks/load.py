"""What does `%load_ext colab_magics` add to a kernel that has IPython loaded?

    python benchmarks/load.py [--rounds 15]

Each round starts a fresh interpreter that imports what an ipykernel has imported, makes a shell,
and then times (a) `%load_ext colab_magics` and (b), for scale, importing googleapiclient, in turn.
Goal: under 60 ms, with neither googleapiclient, starlette, watchdog nor watchfiles imported.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys

PROGRAM = """
import json, sys, time
import ipykernel.kernelapp, ipykernel.zmqshell
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
before = set(sys.modules)
start = time.perf_counter()
shell.run_line_magic("load_ext", "colab_magics")
ours = time.perf_counter() - start
new = set(sys.modules) - before
start = time.perf_counter()
import googleapiclient.discovery
print(json.dumps({"ours": ours, "google": time.perf_counter() - start, "new": sorted(new)}))
"""
HEAVY = ("googleapiclient", "starlette", "uvicorn", "watchdog", "watchfiles", "rich", "requests",
         "fsspec", "google.auth")  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=15)
    rounds = [once() for _ in range(parser.parse_args().rounds)]
    loaded = {name for one in rounds for name in one["new"]}
    heavy = sorted(name for name in HEAVY if name in loaded)
    print(f"Python {sys.version.split()[0]}, {len(rounds)} rounds, ms: median [min - max]")
    for key, label in (("ours", "%load_ext colab_magics"), ("google", "import googleapiclient")):
        values = [one[key] * 1000 for one in rounds]
        print(
            f"{label:24} {statistics.median(values):6.1f} [{min(values):.1f} - {max(values):.1f}]"
        )
    print(f"new modules: {len(loaded)}; of the heavy ones: {', '.join(heavy) or 'none'}")
    return 1 if heavy or statistics.median(one["ours"] for one in rounds) > 0.06 else 0


def once() -> dict[str, object]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    sys.exit(main())
