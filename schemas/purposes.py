"""Known purposes of an annotation, and uses that are refused."""

import re
from dataclasses import dataclass

from schemas.errors import PolicyError
from schemas.suggestions import suggestion_and_all


@dataclass(frozen=True)
class Purpose:
    """One purpose: what it covers, how tightly it is bound, and whether everybody must consent."""

    covers: str
    strictness: int
    needs_consent: bool = False


PURPOSES: dict[str, Purpose] = {
    "demo": Purpose("trying tonescribe on material made for that", 0),
    "evaluation": Purpose("measuring tonescribe itself: tests, benchmarks", 0),
    "research": Purpose("studying how people talk with each other", 1),
    "accessibility": Purpose("helping deaf or autistic people follow a meeting", 1),
    "own-review": Purpose("looking back on meetings of one's own", 1),
    "service-quality": Purpose("improving a service by its calls, never rating who answered", 2),
    "training": Purpose("practising interviews, talks or calls, with consent", 3, True),
    "therapy": Purpose("therapy and counselling, with consent", 3, True),
}
"""Name -> purpose, from the loosest to the strictest."""

ALIASES: dict[str, str] = {
    "benchmark": "evaluation",
    "test": "evaluation",
    "tests": "evaluation",
    "review": "own-review",
    "self-review": "own-review",
    "quality": "service-quality",
    "quality-of-service": "service-quality",
    "counselling": "therapy",
    "counseling": "therapy",
}
"""Other spellings of known purposes."""

REFUSED: dict[str, tuple[str, ...]] = {
    "hiring": ("hire", "hiring", "recruit", "applicant", "candidate", "headhunt", "talent", "job"),
    "grading": ("grade", "grading", "exam", "marking", "scoring", "assess", "admission"),
    "rating performance": ("perform", "apprais", "productiv", "promotion", "bonus", "ranking"),
    "discipline": ("disciplin", "dismiss", "fire", "firing", "layoff", "misconduct", "punish"),
    "surveillance": ("surveil", "spy", "monitor", "track", "wiretap", "stalk", "eavesdrop"),
    "detecting lies": ("lie", "lying", "decept", "polygraph", "interrogat", "credib", "truth"),
    "policing": ("police", "policing", "border", "immigration", "enforcement", "suspect"),
    "credit and insurance": ("credit", "insur", "loan", "underwrit"),
}
"""Use that is refused -> beginnings of the words by which it is asked for."""


def known_purpose(text: str) -> str:
    """Return the name of a known purpose, whatever its case, spaces and underscores.

    Raises `PolicyError` for a use that is refused, and for anything that is not in the table.
    """
    words = re.findall(r"\w+", text.casefold().replace("_", " "))
    name = "-".join(words)
    name = ALIASES.get(name, name)
    if name in PURPOSES:
        return name
    for use, beginnings in REFUSED.items():
        if any(word.startswith(beginnings) for word in words):
            raise PolicyError(
                f"The purpose '{text}' is refused: tonescribe must not be used for {use}."
            )
    raise PolicyError(
        f"There is no purpose '{text}'; {suggestion_and_all(name, PURPOSES)}. "
        "Anything more to say goes into --purpose-note."
    )
