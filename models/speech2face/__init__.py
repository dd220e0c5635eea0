"""Faces for voices: a face of plausible gender, age and type, not a likeness."""
