"""Fits the detector of who talks."""
