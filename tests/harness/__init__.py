"""What the tests stand on: real kernels, a real JupyterLab, a file that changes."""
