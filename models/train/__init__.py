"""How the weights and constants were made; not needed to run them."""
