"""Word error rates of a recogniser on recordings with reference transcripts."""
