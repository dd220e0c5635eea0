"""What is heard: SoundNet and its tags."""
