"""Mesrai, an AI code reviewer that runs on your own model key."""
