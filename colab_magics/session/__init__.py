"""What this machine is and how long it lasts."""
