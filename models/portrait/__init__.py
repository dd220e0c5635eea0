"""The talking portrait: sound moves the mouth of a still picture."""
