"""Trainers of the shipped networks: one function per branch, from corpora to weights and card."""
