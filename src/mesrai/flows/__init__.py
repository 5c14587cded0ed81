"""The end-to-end stories, one file a story."""
