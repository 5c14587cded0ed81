"""`mesrai demo`: everything once, on a sample repository, without an account."""
