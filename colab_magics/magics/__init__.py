"""What the user types: the magics, and the notebook object that wires the parts together."""
