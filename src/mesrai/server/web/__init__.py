"""The web pages: rendered here, behind sessions and one table of rights."""
