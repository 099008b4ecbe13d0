"""What is this machine: Colab, Kaggle, a JupyterHub, a notebook on a laptop, or no notebook?"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any, Literal

Host = Literal["colab", "kaggle", "jupyterhub", "jupyter", "ipython", "python"]


def host(
    environ: Mapping[str, str] | None = None, modules: Mapping[str, Any] | None = None
) -> Host:
    """Name the host, from its environment and from what is imported already.

    Args:
        environ: environment variables; this process's own unless given.
        modules: modules by name; `sys.modules` unless given. IPython is never imported for this.
    """
    environ = os.environ if environ is None else environ
    modules = sys.modules if modules is None else modules
    if environ.get("KAGGLE_KERNEL_RUN_TYPE"):
        return "kaggle"  # first: Kaggle's image is built on Colab's and keeps its variables
    if environ.get("VERTEX_PRODUCT") != "COLAB_ENTERPRISE" and (
        environ.get("COLAB_RELEASE_TAG") or environ.get("TBE_RUNTIME_ADDR")
    ):
        return "colab"  # Colab Enterprise has no drive.mount: to us it is plain Jupyter
    if environ.get("JUPYTERHUB_API_TOKEN") or environ.get("JUPYTERHUB_ACTIVITY_URL"):
        return "jupyterhub"
    ask = getattr(modules.get("IPython"), "get_ipython", None)
    shell = ask() if ask else None
    if shell is None:
        return "python"
    return "jupyter" if getattr(shell, "kernel", None) is not None else "ipython"
