"""`mesrai rules`: the requirements that reviews check."""
