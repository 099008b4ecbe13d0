"""Doing work in the kernel: running cells, and sending output where it belongs."""
