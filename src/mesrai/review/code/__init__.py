"""What the code around a change says: syntax trees, definitions, uses, surroundings."""
