"""Calibrates what of the recogniser's words is believed."""
