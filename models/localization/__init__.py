"""Where in the picture the sound comes from."""
