"""Trains and evaluates captioning, question answering and the joint embedding."""
