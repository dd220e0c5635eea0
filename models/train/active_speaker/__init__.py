"""Fit the detector of who talks."""
