"""Probe, demultiplex and decode media in child processes."""
