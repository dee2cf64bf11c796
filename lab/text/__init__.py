"""Train and measure the text branch."""
