"""A review as text: one module a format."""
