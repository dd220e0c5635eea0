"""A second place for what is known of rooms, so that it outlives the process that has them."""
