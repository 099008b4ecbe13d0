import subprocess
import sys


def test_storage_is_imported_without_googles_libraries() -> None:
    """They cost half a second, and are needed from the first call of Drive on."""
    program = """
import sys
import colab_magics.storage.mount, colab_magics.storage.place
import colab_magics.storage.transfers.transfer
heavy = ("googleapiclient", "google.auth", "requests", "httplib2", "IPython", "starlette")
print([name for name in heavy if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"
