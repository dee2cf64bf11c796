"""Say what a training does while it does it."""

import sys
import time

_BEGAN = time.monotonic()


def say(sentence: str) -> None:
    """Write one line to the standard error at once, with the minutes since the program began."""
    minutes, seconds = divmod(int(time.monotonic() - _BEGAN), 60)
    sys.stderr.write(f"{minutes:3}:{seconds:02}  {sentence}\n")
    sys.stderr.flush()
