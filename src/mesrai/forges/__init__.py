"""Where changes are read from."""
