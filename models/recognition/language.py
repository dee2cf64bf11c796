"""Identify the language by the mean over several pieces, among allowed ones."""

from collections.abc import Collection, Mapping, Sequence

from schemas.values import Seconds, base_language

SURE = 0.7
"""A piece that is less likely to be in its likeliest language is taken for the one before's."""

LEAST: Seconds = 2.0
"""So is a shorter piece."""


def code_of(language: str) -> str:
    """Return the code that a recogniser has for a BCP 47 tag."""
    code = base_language(language) or ""
    return {"eng": "en", "deu": "de", "fra": "fr", "ita": "it", "spa": "es"}.get(code, code)


def likeliest(
    chances: Sequence[Mapping[str, float]], seconds: Sequence[Seconds], allowed: Collection[str]
) -> tuple[str, float] | None:
    """Return the likeliest language over pieces, each weighed by its seconds, and its probability.

    Only `allowed` languages count, where there are any; None without pieces.
    """
    sums: dict[str, float] = {}
    for one, weight in zip(chances, seconds, strict=True):
        for language, chance in one.items():
            if not allowed or language in allowed:
                sums[language] = sums.get(language, 0.0) + weight * chance
    if not sums or not (total := sum(sums.values())):
        return None
    best = max(sums, key=lambda language: sums[language])
    return best, sums[best] / total


def unknown_language(language: str, known: Collection[str]) -> str:
    """Return the sentence for a language that a recogniser does not know."""
    which = "English only" if set(known) == {"en"} else f"{len(known)} languages"
    return (
        f"The recogniser knows {which}, and the language is '{language}': put captions MEETING.vtt "
        "beside the recording, or name another recogniser in weights.transcriber."
    )
