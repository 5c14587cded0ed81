"""`mesrai byok`: connect a model with your own key."""
