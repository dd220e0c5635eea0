"""Trains and evaluates sound-source localization."""
