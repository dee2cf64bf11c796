"""Read sidecars: small and shallow TOML, else one sentence."""

import re
import tomllib
from collections.abc import Iterator

from pydantic import ValidationError

from schemas.errors import InputError
from schemas.faults import describe_validation
from schemas.sidecar import Sidecar

MOST_BYTES = 64 << 10
_MOST_NESTING = 8
_LONGEST_BARE = 200
_LONGEST_SENTENCE = 300
_BETWEEN_VALUES = re.compile(r"[=,\[\]{}\n]")


def parse_sidecar(content: bytes, name: str) -> Sidecar:
    """Parse a sidecar; `InputError` names the line or key that is wrong and the nearest known.

    What a parser cannot bear (deep nesting, endless numbers) is refused before it is parsed.
    """
    if len(content) > MOST_BYTES:
        raise InputError(f"The sidecar {name} is larger than {MOST_BYTES >> 10} kB; shorten it.")
    try:
        text = content.decode("utf-8-sig")
        _refuse_monsters(text, name)
        return Sidecar.model_validate(tomllib.loads(text))
    except ValidationError as error:
        fault = describe_validation(error, Sidecar)[:_LONGEST_SENTENCE]
        raise InputError(f"The sidecar {name} is wrong: {fault}") from error
    except (ValueError, RecursionError) as error:
        cause = str(error)[:_LONGEST_SENTENCE]
        raise InputError(f"The sidecar {name} is no TOML file: {cause}.") from error


def _refuse_monsters(text: str, name: str) -> None:
    bare = "".join(_outside_strings(text))
    depth = 0
    for character in bare:
        depth += (character in "[{") - (character in "]}")
        if depth > _MOST_NESTING:
            raise InputError(f"The sidecar {name} is nested too deeply; it needs two levels.")
    for piece in _BETWEEN_VALUES.split(bare):
        if piece.count(".") > _MOST_NESTING:
            raise InputError(f"The sidecar {name} is nested too deeply; it needs two levels.")
        if len(piece.strip()) > _LONGEST_BARE:
            raise InputError(f"The sidecar {name} holds a number or key that is far too long.")


def _outside_strings(text: str) -> Iterator[str]:
    """Yield the characters of TOML outside strings and comments, in one pass."""
    quote, at = "", 0
    while at < len(text):
        letter = text[at]
        if not quote and letter in "\"'":
            quote = letter * 3 if text.startswith(letter * 3, at) else letter
            at += len(quote)
        elif not quote and letter == "#":
            end = text.find("\n", at)
            at = end if end >= 0 else len(text)
        elif not quote:
            yield letter
            at += 1
        elif letter == "\\" and quote[0] == '"':
            at += 2
        elif text.startswith(quote, at):
            at += len(quote)
            quote = ""
        else:
            quote = "" if letter == "\n" and len(quote) == 1 else quote
            at += 1
