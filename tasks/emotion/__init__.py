"""Faces, the three emotion branches and their fusion."""
