"""The policy gate: what may be inferred, for which purpose, under which law.

With `jurisdiction = "eu"` and a context of work or education no emotion is inferred from voice
or face (Regulation (EU) 2024/1689, Article 5(1)(f)); the text branch alone runs.
"""

from collections.abc import Iterable
from typing import Self

from schemas.errors import PolicyError
from schemas.settings import Settings
from schemas.sidecar import Context, Jurisdiction, Sidecar
from schemas.values import Value

_STRICTNESS: dict[Context, int] = {
    "workplace": 2,
    "education": 2,
    "unspecified": 1,
    "medical": 0,
    "private": 0,
    "research": 0,
}
"""An unspecified context is treated as workplace where the jurisdiction is `eu`."""


def strictest(own: Sidecar, others: Iterable[Sidecar]) -> Sidecar:
    """Return a sidecar with the strictest consent and law of all that lie beside one content.

    The same recording may lie in a bucket under several names: what one of them forbids is
    forbidden. Everything else is the own sidecar's.
    """
    every = [own, *others]
    named = {p.name: p for sidecar in every for p in sidecar.participants}
    refused = {p.name for sidecar in every for p in sidecar.participants if not p.consent}
    in_eu = any(sidecar.jurisdiction == "eu" for sidecar in every)
    contexts = [sidecar.context for sidecar in every if sidecar.context]
    return own.model_copy(
        update={
            "participants": tuple(
                p.model_copy(update={"consent": p.name not in refused}) for p in named.values()
            ),
            "jurisdiction": "eu" if in_eu else own.jurisdiction,
            "context": max(contexts, key=lambda c: _STRICTNESS[c]) if contexts else None,
        }
    )


class Policy(Value):
    """The decision for one recording."""

    purpose: str
    jurisdiction: Jurisdiction
    context: Context

    @classmethod
    def decide(cls, settings: Settings, sidecar: Sidecar | None = None) -> Self:
        """Decide for a recording; the sidecar overrides towards stricter only.

        Raises `PolicyError` where no purpose is given.
        """
        if not (settings.purpose or "").strip():
            raise PolicyError(
                "A purpose is required: say what the annotation is for with --purpose, "
                "for example --purpose research."
            )
        sidecar = sidecar or Sidecar()
        contexts = [settings.context, *([sidecar.context] if sidecar.context else [])]
        in_eu = "eu" in (settings.jurisdiction, sidecar.jurisdiction)
        return cls(
            purpose=sidecar.purpose or str(settings.purpose),
            jurisdiction="eu" if in_eu else "other",
            context=max(contexts, key=lambda context: _STRICTNESS[context]),
        )

    @property
    def text_only(self) -> bool:
        """Whether emotion may be inferred from the words alone."""
        return self.jurisdiction == "eu" and _STRICTNESS[self.context] > 0
