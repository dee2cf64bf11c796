"""The errors of tonescribe. The message is the sentence that the user reads.

::

    TonescribeError
    |- InputError        this recording cannot be read: it is quarantined, the batch goes on
    |- WeightsError      a network's weights are missing or not what they should be
    |- SettingsError     wrong usage or settings: stop before any work
    |- PolicyError       refused by the policy gate
    |- QuarantinedError  nothing of a run could be annotated; its report says why
    `- ResourceError     time, memory or disk ran out: try again, smaller or later
       |- UnsettledError     a recording changes while it is read: the next run takes it
       `- UnavailableError   a storage does not answer: tried again by itself
          `- FullDiskError   a disk is full: somebody else may free it soon
"""

from typing import Any, ClassVar

_LONGEST_SENTENCE = 1000


def one_line(message: str) -> str:
    """Return a message as a sentence that quotes what strangers wrote: one line, nothing invisible.

    Longer than 1000 letters it is cut.
    """
    seen = " ".join(message.split())
    line = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in seen)
    return line if len(line) <= _LONGEST_SENTENCE else f"{line[: _LONGEST_SENTENCE - 1]}…"


class TonescribeError(Exception):
    """Root of all errors that a user may read."""

    exit_code: ClassVar[int] = 1

    @property
    def sentence(self) -> str:
        """The message on one line, as it is shown and stored."""
        return one_line(str(self))


class InputError(TonescribeError):
    """A recording, caption file or sidecar cannot be read as what it claims to be."""

    exit_code = 3


class WeightsError(TonescribeError):
    """Weights are missing, or their digest is not the pinned one."""


class SettingsError(TonescribeError):
    """A command, setting or source is wrong; nothing was started."""

    exit_code = 2


class PolicyError(TonescribeError):
    """The policy gate refuses this work."""

    exit_code = 4


class QuarantinedError(TonescribeError):
    """No recording of a run could be annotated; `report` has the causes."""

    exit_code = 3

    def __init__(self, sentence: str, report: Any = None) -> None:
        super().__init__(sentence)
        self.report = report


class ResourceError(TonescribeError):
    """A deadline, memory or disk limit was reached; the same work may succeed later."""


class UnavailableError(ResourceError):
    """A storage or network does not answer; the same call is tried again after a while."""


class FullDiskError(UnavailableError):
    """A disk is full; the same write is tried again after a while."""


class UnsettledError(ResourceError):
    """A recording changes while it is read: it is still being uploaded; the next run takes it."""
