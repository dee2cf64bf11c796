"""Train the fusion of the branches and measure it."""
