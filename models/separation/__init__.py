"""A face's voice out of the mixture, by its lips and its voice print."""
