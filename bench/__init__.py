"""Benches; each prints a table and rewrites its section of the pages."""
