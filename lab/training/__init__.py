"""Train networks: options, fitting, and any architecture of the table."""
