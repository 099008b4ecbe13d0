"""Were these tests run on Colab's own kernel class too?"""

from __future__ import annotations

import pytest
from harness.kernel import Kernel


@pytest.mark.colab_kernel
def test_these_tests_run_on_colabs_own_kernel(kernel_class: str, bare_kernel: Kernel) -> None:
    """Where Colab's package is installed every kernel test runs twice, once on its class."""
    if kernel_class != "colab":
        pytest.skip("google.colab._kernel is not installed: kernel tests run on ipykernel's class")

    assert bare_kernel.eval("type(get_ipython().kernel).__module__") == "google.colab._kernel"
