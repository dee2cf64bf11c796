"""The policy gate: what may be inferred, for which purpose, under which law.

With `jurisdiction = "eu"` and a context of work or education no emotion is inferred from voice
or face (Regulation (EU) 2024/1689, Article 5(1)(f)); the text branch alone runs.
"""

from collections.abc import Iterable
from typing import Self

from schemas.consent import Restrictions
from schemas.errors import PolicyError
from schemas.names import name_key
from schemas.purposes import PURPOSES, known_purpose
from schemas.settings import Settings
from schemas.sidecar import Context, Jurisdiction, Participant, Sidecar
from schemas.values import Value

_STRICTNESS: dict[Context, int] = {
    "workplace": 2,
    "education": 2,
    "unspecified": 1,
    "medical": 0,
    "private": 0,
    "research": 0,
}
"""An unspecified context is treated as workplace where the jurisdiction is `eu`; one that is not in
the table as the strictest."""

_FREE_LAWS: tuple[Jurisdiction, ...] = ("other",)
"""Any other law, known or not, is treated as the EU's."""


def _is_strict(law: Jurisdiction | None) -> bool:
    return law is not None and law not in _FREE_LAWS


def _strictness(context: Context) -> int:
    return _STRICTNESS.get(context, max(_STRICTNESS.values()))


def strictest(
    own: Sidecar, others: Iterable[Sidecar], remembered: Iterable[Restrictions] = ()
) -> Sidecar:
    """Return a sidecar with the strictest consent and law of all that hold for one content.

    The same recording may lie in a bucket under several names: what the sidecar of one of them
    forbids is forbidden, also after that sidecar is gone (`remembered`; its refusals are digests
    and stay with the caller). Everything else is the own sidecar's.
    """
    every = [own, *others]
    named: dict[str, Participant] = {}
    for person in (p for sidecar in every for p in sidecar.participants):
        known = named.setdefault(name_key(person.name), person)
        consents = known.consent and person.consent
        named[name_key(person.name)] = known.model_copy(update={"consent": consents})
    laws: list[Sidecar | Restrictions] = [*every, *remembered]
    contexts = [law.context for law in laws if law.context]
    return own.model_copy(
        update={
            "participants": tuple(named.values()),
            "jurisdiction": "eu"
            if any(_is_strict(law.jurisdiction) for law in laws)
            else own.jurisdiction,
            "context": max(contexts, key=_strictness) if contexts else None,
        }
    )


class Policy(Value):
    """The decision for one recording; `warning` is a sentence for the operator."""

    purpose: str
    jurisdiction: Jurisdiction
    context: Context
    warning: str | None = None

    @classmethod
    def decide(cls, settings: Settings, sidecar: Sidecar | None = None) -> Self:
        """Decide for a recording; the sidecar overrides towards stricter only.

        Raises `PolicyError` where no purpose is given, or one that is not known or is refused.
        """
        if not (settings.purpose or "").strip():
            raise PolicyError(
                "A purpose is required: say what the annotation is for with --purpose, "
                f"for example --purpose research. Known are {', '.join(PURPOSES)}."
            )
        purposes = [known_purpose(str(settings.purpose))]
        if sidecar and sidecar.purpose:
            purposes.append(known_purpose(sidecar.purpose))
        purpose = max(purposes, key=lambda name: PURPOSES[name].strictness)
        own = sidecar or Sidecar()
        contexts = [settings.context, *([own.context] if own.context else [])]
        in_eu = _is_strict(settings.jurisdiction) or _is_strict(own.jurisdiction)
        unstated = sidecar is not None and not _states_consent(own)
        return cls(
            purpose=purpose,
            jurisdiction="eu" if in_eu else "other",
            context=max(contexts, key=_strictness),
            warning=(
                f"The purpose '{purpose}' needs everybody's consent, which no sidecar states."
                if unstated and PURPOSES[purpose].needs_consent
                else None
            ),
        )

    @property
    def text_only(self) -> bool:
        """Whether emotion may be inferred from the words alone."""
        return _is_strict(self.jurisdiction) and _strictness(self.context) > 0


def _states_consent(sidecar: Sidecar) -> bool:
    people = sidecar.participants
    return bool(people) and all("consent" in person.model_fields_set for person in people)
