"""Data sets, and the mixtures made of them."""
