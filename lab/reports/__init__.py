"""Reports of measurements for the terminal, as markdown and as a page."""
