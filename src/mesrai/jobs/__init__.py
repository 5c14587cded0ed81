"""Work that waits, and the workers that take it."""
