"""Who of a meeting may be shown, and what a sidecar forbids for good.

A refusal belongs to the content: it outlives the file that stated it. A manifest remembers it by
digests, so that no name of somebody who refused is stored.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from schemas.names import name_key
from schemas.sidecar import Context, Jurisdiction, Sidecar
from schemas.values import Value

NOT_SHOWN = "[not shown]"
"""The text and the name of an utterance of somebody who did not consent."""

_DIGEST_DIGITS = 16


def name_digest(recording_id: str, name: str) -> str:
    """Digest of a person's name, another one in every recording."""
    text = f"{recording_id}\n{name_key(name)}"
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGEST_DIGITS]


class Restrictions(Value):
    """What the sidecar of one address forbids; `refused` are digests of names."""

    refused: tuple[str, ...] = ()
    jurisdiction: Jurisdiction | None = None
    context: Context | None = None

    @classmethod
    def stated(cls, recording_id: str, sidecar: Sidecar) -> Self:
        """Return what a sidecar forbids for a recording."""
        refused = {name_digest(recording_id, p.name) for p in sidecar.participants if not p.consent}
        return cls(
            refused=tuple(sorted(refused)),
            jurisdiction=sidecar.jurisdiction,
            context=sidecar.context,
        )


@dataclass(frozen=True)
class Consent:
    """Who consented to be shown in one recording, and who refused; digests of names."""

    recording_id: str
    refused: frozenset[str] = frozenset()
    given: frozenset[str] = frozenset()

    @classmethod
    def of(cls, recording_id: str, sidecar: Sidecar, remembered: Iterable[str] = ()) -> Self:
        """Join a sidecar with the digests of refusals that were stated earlier."""
        named = {name_digest(recording_id, p.name): p.consent for p in sidecar.participants}
        # of two entries for one person, a refusal counts
        refused = set(Restrictions.stated(recording_id, sidecar).refused) | set(remembered)
        return cls(recording_id, frozenset(refused), frozenset(named.keys() - refused))

    @property
    def is_restricted(self) -> bool:
        """Whether anybody refused."""
        return bool(self.refused)

    def may_show(self, name: str | None) -> bool:
        """Whether somebody under this name may be shown; None is a voice without a name.

        Where nobody refused, everybody may. Else only who consented by name: a voice without a
        name, or under a name by which nobody consented, could be theirs ("Bo" and "Bo Smith").
        """
        if not self.refused:
            return True
        return name is not None and name_digest(self.recording_id, name) in self.given

    def shown_name(self, name: str) -> str:
        """Return the name, or what stands for it."""
        return name if self.may_show(name) else NOT_SHOWN
