from types import SimpleNamespace

import pytest

from colab_magics.session.host import host

KERNEL = {"IPython": SimpleNamespace(get_ipython=lambda: SimpleNamespace(kernel=object()))}
TERMINAL = {"IPython": SimpleNamespace(get_ipython=lambda: SimpleNamespace())}
IMPORTED = {"IPython": SimpleNamespace(get_ipython=lambda: None)}


@pytest.mark.parametrize(
    ("environ", "modules", "name"),
    [
        ({"COLAB_RELEASE_TAG": "release-colab_20261101"}, KERNEL, "colab"),
        ({"TBE_RUNTIME_ADDR": "1.2.3.4:5"}, KERNEL, "colab"),
        ({"COLAB_RELEASE_TAG": "x", "VERTEX_PRODUCT": "COLAB_ENTERPRISE"}, KERNEL, "jupyter"),
        ({"KAGGLE_KERNEL_RUN_TYPE": "Interactive"}, KERNEL, "kaggle"),
        ({"KAGGLE_KERNEL_RUN_TYPE": "Batch", "COLAB_RELEASE_TAG": "x"}, KERNEL, "kaggle"),
        ({"JUPYTERHUB_API_TOKEN": "secret"}, KERNEL, "jupyterhub"),
        ({"JUPYTERHUB_ACTIVITY_URL": "http://hub"}, KERNEL, "jupyterhub"),
        ({}, KERNEL, "jupyter"),
        ({}, TERMINAL, "ipython"),
        ({}, IMPORTED, "python"),
        ({}, {}, "python"),
        ({"COLAB_RELEASE_TAG": ""}, {}, "python"),
    ],
)
def test_each_host_is_known(environ: dict[str, str], modules: dict[str, object], name: str) -> None:
    """From the environment first, then from the shell that runs."""
    assert host(environ, modules) == name


def test_the_default_is_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own environment and modules."""
    monkeypatch.setenv("KAGGLE_KERNEL_RUN_TYPE", "Batch")

    assert host() == "kaggle"
