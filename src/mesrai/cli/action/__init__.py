"""`mesrai action`: what the GitHub Action runs."""
