"""How voices are taught to imitate face embeddings, and embeddings to become pictures."""
