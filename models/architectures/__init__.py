"""Architectures that can be trained, behind one contract."""
