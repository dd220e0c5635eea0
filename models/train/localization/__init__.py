"""Train and evaluate sound-source localization."""
