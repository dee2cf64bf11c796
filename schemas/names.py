"""Names of people: when two spellings are one person, and which of them to show."""

import unicodedata
from collections import Counter
from collections.abc import Iterable


def name_key(name: str) -> str:
    """Return what all spellings of a person's name share.

    Case, accents, zero-width marks, width of letters, spare spaces and the order of
    "Family, Given" do not tell people apart.
    """
    family, comma, given = _plain(name).partition(",")
    ordered = f"{given} {family}" if comma and given.strip() else family
    return " ".join(ordered.split())


def _plain(name: str) -> str:
    """Letters without case, format characters and, in Latin script alone, accents.

    In other scripts marks are no decoration: they tell kana and vowels apart.
    """
    composed = unicodedata.normalize("NFKC", name).casefold()
    return "".join(_base(c) for c in composed if unicodedata.category(c) not in ("Cf", "Cc"))


def _base(character: str) -> str:
    if not unicodedata.name(character, "").startswith("LATIN"):
        return character
    split = unicodedata.normalize("NFD", character)
    return "".join(c for c in split if unicodedata.category(c) != "Mn")


def tidy(name: str) -> str:
    """Return a name as it may be shown: composed, on one line, without invisible characters."""
    visible = (c for c in unicodedata.normalize("NFC", name) if unicodedata.category(c) != "Cf")
    return " ".join("".join(visible).split())


def best_spelling(names: Iterable[str]) -> str:
    """Return the best written of several spellings of one name.

    Capitals and accents are rarely added by mistake, but often left out; among equals the most
    frequent one wins, then the first.
    """
    counts = Counter(tidy(name) for name in names)
    order = {name: -place for place, name in enumerate(counts)}

    def merit(name: str) -> tuple[int, int, int, int]:
        words = name.replace(",", " ").split()
        capitals = sum(word[0].isupper() and not word.isupper() for word in words)
        accents = sum(not c.isascii() for c in name)
        return ("," not in name) * len(words) and capitals, accents, counts[name], order[name]

    return max(counts, key=merit)
