"""Asking a notebook for something from outside: the command line and the demo."""
