"""A listener's sound: faders, mixer, track."""
