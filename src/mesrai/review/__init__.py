"""The core: a change in, a review out."""
