"""`mesrai config`: what configures the reviews of a repository."""
