"""How well faces are told apart."""
