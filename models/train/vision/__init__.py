"""Train and evaluate captioning, question answering and the joint embedding."""
