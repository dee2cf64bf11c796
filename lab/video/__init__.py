"""Train and measure the video branch."""
