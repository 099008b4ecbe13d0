"""Where files live and how bytes move."""
