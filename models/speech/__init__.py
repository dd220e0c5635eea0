"""Speech and text: voice activity, endpointing, recognisers, text-to-speech."""
