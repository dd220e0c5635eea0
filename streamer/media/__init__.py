"""Recorded files as pictures and sound on one clock that begins at 0: whatever container, codec, rate and rotation."""
