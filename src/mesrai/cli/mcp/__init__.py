"""`mesrai mcp`: reviews for coding agents, over the Model Context Protocol."""
