"""Write the reference of commands, settings, columns and engines from the code that defines them.

`python -m flows.cli.reference FOLDER` writes it, with `--check` it is compared instead.
"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args, get_origin

import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from flows.cli.app import app
from models.registry import ENGINES
from schemas.dataset import CORRECTED, VIEWS
from schemas.emotions import EMOTIONS
from schemas.settings import PROFILES, EngineSettings, Settings
from schemas.speech import FLAGS
from schemas.tables import COLUMNS, CORRECTIONS

if TYPE_CHECKING:
    from pyarrow import DataType


_NOTE = "<!-- Written by `make docs`; change the code, not this file. -->"
_MARKUP = re.compile(r"\[/?bold\]")


def main(folder: Path, *, check: bool) -> int:
    """Write or compare every page; return the exit code."""
    pages = {
        "commands.md": commands(),
        "settings.md": settings(),
        "columns.md": columns(),
        "engines.md": engines(),
    }
    stale = []
    for name, lines in pages.items():
        text = "\n".join([_NOTE, "", *lines, ""])
        path = folder / name
        if check and (not path.is_file() or path.read_text(encoding="utf-8") != text):
            stale.append(name)
        elif not check:
            folder.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    if stale:
        sys.stderr.write(f"{', '.join(stale)} in {folder} is out of date; run 'make docs'.\n")
    return 1 if stale else 0


def commands() -> list[str]:
    """Return the commands with their arguments and options."""
    lines = ["# Commands", ""]
    for name, command in _commands("tonescribe", typer.main.get_command(app)):
        paragraphs = _MARKUP.sub("", str(command.help or "")).strip().split("\n\n")
        lines += [f"## `{name}`", ""]
        lines += [line for text in paragraphs for line in (" ".join(text.split()), "")]
        rows = [_parameter(p) for p in command.params if p.name not in ("help",)]
        if rows:
            lines += ["| | | default |", "|---|---|---|", *rows, ""]
    return lines[:-1]


def _commands(path: str, command: Any) -> Iterator[tuple[str, Any]]:
    yield path, command
    for name, inner in sorted(getattr(command, "commands", {}).items()):
        yield from _commands(f"{path} {name}", inner)


def _parameter(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        name = f"`{parameter.metavar or parameter.name.upper()}`"
    else:
        name = ", ".join(f"`{option}`" for option in parameter.opts)
    unset = parameter.default in (None, False, ()) or parameter.required
    default = "" if unset else f"`{parameter.default}`"
    return f"| {name} | {_cell(parameter.help or '')} | {default} |"


def settings() -> list[str]:
    """Return the settings with their defaults."""
    lines = [
        "# Settings",
        "",
        "Read from `tonescribe.toml` in the working folder, then from the environment "
        "(`TONESCRIBE_JUDGE__MIN_CONFIDENCE=0.5`), then from the command line; later wins.",
        "",
        *("| setting | | default |", "|---|---|---|"),
    ]
    return [*lines, *_settings("", Settings)]


def _settings(prefix: str, model: type[BaseModel]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from _settings(f"{prefix}{name}.", kind)
            continue
        about = field.description or ""
        if choices := _choices(field):
            about = f"{about}{'; ' if about else ''}one of {', '.join(choices)}"
        yield f"| `{prefix}{name}` | {_cell(about)} | {_default(name, field)} |"


def _choices(field: FieldInfo) -> list[str]:
    for kind in (field.annotation, *get_args(field.annotation)):
        if get_origin(kind) is not None and all(isinstance(a, str) for a in get_args(kind)):
            return list(get_args(kind))
    return []


def _default(name: str, field: FieldInfo) -> str:
    if name == "cache":
        return "`~/.cache/tonescribe`"
    value = field.default
    return "" if value in (None, "", ()) else f"`{json.dumps(value)}`"


def columns() -> list[str]:
    """Return the tables' columns, the views, the classes and the flags."""
    lines = ["# Columns", ""]
    for table, found in (*COLUMNS.items(), (CORRECTED, CORRECTIONS)):
        lines += [f"## `{table}`", "", "| column | type | |", "|---|---|---|"]
        for column in found:
            null = "" if column.required else ", may be null"
            lines.append(f"| `{column.name}` | `{_type(column.kind)}`{null} | {column.about} |")
        lines.append("")
    views = ", ".join(f"`{view}`" for view in (*COLUMNS, CORRECTED, *VIEWS))
    lines += [f"Views of `tonescribe query`: {views}.", ""]
    lines += [f"Classes: {', '.join(EMOTIONS)}.", "", "| flag | |", "|---|---|"]
    return [*lines, *(f"| `{flag}` | {about} |" for flag, about in FLAGS.items())]


def _type(kind: "DataType") -> str:
    text = str(kind)
    if text.startswith("struct<neutral"):
        return "struct of seven float"
    return re.sub(r"(?:item|element): ", "", text)


def engines() -> list[str]:
    """Return the engines of each job, and the profiles' choices."""
    lines = ["# Engines", "", "| job | engines | " + " | ".join(PROFILES) + " |"]
    lines.append("|---|---|" + "---|" * len(PROFILES))
    for job, names in ENGINES.items():
        about = EngineSettings.model_fields[job].description
        chosen = " | ".join(f"`{getattr(profile, job)}`" for profile in PROFILES.values())
        lines.append(f"| `{job}`: {about} | {', '.join(f'`{n}`' for n in names)} | {chosen} |")
    return lines


def _cell(text: str) -> str:
    return " ".join(_MARKUP.sub("", text).split()).replace("|", "\\|")


if __name__ == "__main__":
    *flags, target = sys.argv[1:]
    sys.exit(main(Path(target), check="--check" in flags))
