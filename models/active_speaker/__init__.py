"""Which face talks, and by how much its lips lead the sound."""
