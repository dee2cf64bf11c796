"""Who speaks when, which words, and the utterances made of both."""
