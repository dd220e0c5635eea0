"""Trains and evaluates SoundNet."""
