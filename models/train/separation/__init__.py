"""Trains and evaluates the separator."""
