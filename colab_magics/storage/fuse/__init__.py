"""How is a Drive mounted as a folder of this machine? By a process of its own, over FUSE."""
