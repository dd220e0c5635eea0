"""Processes of models: supervised, framed messages, priorities."""
