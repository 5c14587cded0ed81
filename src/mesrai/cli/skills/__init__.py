"""`mesrai skills`: what coding agents are told about reviewing their work."""
