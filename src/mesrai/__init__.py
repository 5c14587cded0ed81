"""Mesrai, an AI code reviewer that runs on your own model key."""

__version__ = "0.1.0"
