"""What is seen: image encoder, captioning, visual question answering, joint embedding."""
