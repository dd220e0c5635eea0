"""The demo's two talking portraits."""
