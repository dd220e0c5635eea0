"""Faces in pictures: find, mesh, follow, recognise."""
