"""One front door before several media servers: which of them has a room, and the way there."""
