"""How bytes get here and there: whole, verified, and on from where they were cut."""
