"""The messages between the page and the server."""
