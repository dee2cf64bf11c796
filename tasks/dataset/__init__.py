"""Publish, render and export what was annotated."""
