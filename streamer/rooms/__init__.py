"""Rooms, who is in them, and what they are sent."""
