"""Meetings composed of short clips of talking people, with the truth about them."""
