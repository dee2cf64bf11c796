"""Train and measure the audio branch."""
