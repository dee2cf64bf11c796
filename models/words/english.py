"""What a recogniser of English says of other languages."""

_REMEDY = "put captions MEETING.vtt beside the recording, or use the standard profile"


def is_english(language: str | None) -> bool:
    """Whether a BCP 47 tag is English; one that is not told is given the doubt."""
    return language is None or language.split("-")[0].lower() in ("en", "eng")


def told_other(language: str | None) -> str:
    """The sentence for a language that is told and is another one."""
    return (
        f"The embedded recogniser knows English only, and the language is '{language}': {_REMEDY}."
    )


def heard_other(confidence: float) -> str:
    """The sentence for words that are unlikely, at a mean confidence in [0, 1]."""
    return (
        f"What was heard is hardly English (the recogniser is on average {confidence:.0%} sure of "
        f"a word) and the embedded recogniser knows nothing else: {_REMEDY}; "
        "if it is English, say so (--language en)."
    )
