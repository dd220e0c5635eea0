"""What every request passes before the routes, and every answer on its way out: one concern a file."""
