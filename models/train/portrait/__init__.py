"""Training of the portrait's mouth, and the judge of whether lips belong to a sound."""
