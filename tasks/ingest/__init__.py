"""Find recordings in a file, folder or bucket and bring them to this machine."""
