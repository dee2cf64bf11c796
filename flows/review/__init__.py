"""A local web app over a whole dataset: find meetings, look at them, upload or record a clip."""
