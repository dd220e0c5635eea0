"""Train and evaluate SoundNet."""
