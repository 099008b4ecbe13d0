"""A notebook that keeps working when the machine does not; `%load_ext colab_magics`."""

__version__ = "0.1.0.dev0"
