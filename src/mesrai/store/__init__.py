"""Remembering: one schema on SQLite or PostgreSQL."""
