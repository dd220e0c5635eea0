"""The page, served as it stands."""
