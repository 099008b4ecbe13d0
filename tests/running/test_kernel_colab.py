"""Were these tests run on Colab's own kernel class too?"""

from __future__ import annotations

import pytest
from harness.kernel import KERNELS, Kernel

CLASSES = {"ipykernel": "ipykernel.ipkernel", "colab": "google.colab._kernel"}


@pytest.mark.colab_kernel
@pytest.mark.skipif(
    "colab" not in KERNELS,
    reason="google.colab._kernel is not installed: kernel tests run on ipykernel's class alone",
)
def test_these_tests_run_on_colabs_own_kernel_too(kernel_class: str, bare_kernel: Kernel) -> None:
    """Where Colab's package is installed every kernel test runs twice, once on its class."""
    module = bare_kernel.eval("type(get_ipython().kernel).__module__")

    assert module == CLASSES[kernel_class]
