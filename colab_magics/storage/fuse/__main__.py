"""Started by `mounting`: the process that serves a mounted folder."""

from .serve import main

main()
