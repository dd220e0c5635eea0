"""Noise taken from a microphone's sound."""
