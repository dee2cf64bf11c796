"""The policy gate: what may be inferred, for which purpose, under which law.

With `jurisdiction = "eu"` and a context of work or education no emotion is inferred from voice
or face (Regulation (EU) 2024/1689, Article 5(1)(f)); the text branch alone runs.
"""

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
