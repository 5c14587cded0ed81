"""`mesrai hook`: reviews that git starts itself."""
