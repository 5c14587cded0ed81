"""A stand-in model provider, an application of its own."""
