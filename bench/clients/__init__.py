"""Real WebRTC clients, each a program of its own, that publish to a server and watch it."""
