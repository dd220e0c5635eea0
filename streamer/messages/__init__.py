"""What the page is told and tells."""
