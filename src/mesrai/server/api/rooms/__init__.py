"""What the interface offers, a file for each kind of thing."""
