"""What whisperX says, and where."""

import logging


def keep_words_out_of_logs() -> None:
    """Silence whisperX's logger: it writes to standard output, and quotes what was spoken.

    To be called before whisperX is imported; a handler that is there keeps it from adding its own.
    """
    logger = logging.getLogger("whisperx")
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
    logger.propagate = False
    logger.setLevel(logging.CRITICAL)
