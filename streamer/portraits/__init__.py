"""Portraits in calls: made of who asks for one, and moved by their own voice."""
