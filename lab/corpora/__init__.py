"""Readers of labelled corpora: one table, one value type."""
