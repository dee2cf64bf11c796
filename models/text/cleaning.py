"""Clean a text before it is tokenized."""

_TYPOGRAPHY = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "…": "..."})


def clean(text: str) -> str:
    """Even out white space and typographic quotes."""
    return " ".join(text.translate(_TYPOGRAPHY).split())
