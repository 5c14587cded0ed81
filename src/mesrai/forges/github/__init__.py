"""GitHub, and GitHub Enterprise."""
