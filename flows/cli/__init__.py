"""The command line: thin wrappers over functions that a program may call itself."""
