"""What is wrong with settings or a sidecar, in one sentence."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from schemas.suggestions import suggestion, suggestion_and_all


def describe_validation(error: ValidationError, model: type[BaseModel]) -> str:
    """One sentence for the first fault of a pydantic validation, with the nearest known key."""
    fault = error.errors()[0]
    path = [str(part) for part in fault["loc"]]
    if fault["type"] == "extra_forbidden":
        return _unknown_key(path, model)
    name = ".".join(path) or "The value"
    describe = _FAULTS.get(fault["type"], _as_pydantic_says)
    return f"{name} is wrong: {describe(fault)}."


def _unknown_key(path: Sequence[str], model: type[BaseModel]) -> str:
    fields: Mapping[str, Any] = model.model_fields
    for part in path[:-1]:
        inner = getattr(fields.get(part), "annotation", None)
        models = (m for m in (inner, *get_args(inner)) if hasattr(m, "model_fields"))
        fields = getattr(next(models, None), "model_fields", fields)
    return unknown_key(".".join(path), path[-1], fields)


def _one_of(fault: ErrorDetails) -> str:
    known = [part.strip("' ") for part in re.split(r", | or ", fault["ctx"]["expected"])]
    given = str(fault["input"])
    return f"there is no '{given}'; {suggestion_and_all(given, known)}"


def _tag(fault: ErrorDetails) -> str:
    return f"'{fault['input']}' is no language tag; write 'en', 'de' or 'pt-BR'"


def _of_ours(fault: ErrorDetails) -> str:
    return str(fault["ctx"]["error"])


def _number(fault: ErrorDetails) -> str:
    return f"'{fault['input']}' is no number"


def _limit(word: str, key: str) -> Callable[[ErrorDetails], str]:
    return lambda fault: f"{fault['input']} must be {word} {fault['ctx'][key]}"


def _as_pydantic_says(fault: ErrorDetails) -> str:
    return f"{str(fault['msg'])[:1].lower()}{str(fault['msg'])[1:]}"


_FAULTS: dict[str, Callable[[ErrorDetails], str]] = {
    "bool_parsing": lambda fault: f"'{fault['input']}' is neither true nor false",
    "bool_type": lambda fault: f"'{fault['input']}' is neither true nor false",
    "date_from_datetime_parsing": lambda f: f"'{f['input']}' is no date; write 2026-11-20",
    "date_parsing": lambda fault: f"'{fault['input']}' is no date; write 2026-11-20",
    "date_type": lambda fault: f"'{fault['input']}' is no date; write 2026-11-20",
    "float_parsing": _number,
    "float_type": _number,
    "greater_than": _limit("more than", "gt"),
    "greater_than_equal": _limit("at least", "ge"),
    "int_from_float": lambda fault: f"{fault['input']} is no whole number",
    "int_parsing": lambda fault: f"'{fault['input']}' is no whole number",
    "int_type": lambda fault: f"'{fault['input']}' is no whole number",
    "less_than": _limit("less than", "lt"),
    "less_than_equal": _limit("at most", "le"),
    "list_type": lambda fault: f"'{fault['input']}' is no list",
    "literal_error": _one_of,
    "missing": lambda _: "it must be given",
    "model_type": lambda fault: f"'{fault['input']}' is no table of keys and values",
    "string_pattern_mismatch": _tag,
    "string_type": lambda fault: f"'{fault['input']}' is no text",
    "tuple_type": lambda fault: f"'{fault['input']}' is no list",
    "value_error": _of_ours,
}
"""Kind of fault by pydantic's name -> what is wrong, in plain words."""


def unknown_key(name: str, key: str, fields: Mapping[str, Any]) -> str:
    """Return the sentence about a key that is none of `fields`, with the nearest of them."""
    return f"There is no setting '{name}'; {suggestion(key, sorted(fields), likeness=0.4)}"
