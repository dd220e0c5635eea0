"""Train and evaluate the separator."""
