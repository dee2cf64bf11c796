"""Print the lines of a benchmark and write them to a file of `docs/reports`."""

import os
import platform
from datetime import UTC, datetime
from pathlib import Path


class Report:
    """Lines that are printed as they come and written at the end, where a folder is given."""

    def __init__(self, folder: Path | None, name: str, title: str, command: str) -> None:
        self._path = folder / f"{name}.md" if folder else None
        machine = f"{platform.machine()}, {os.cpu_count()} logical processors"
        day = f"{datetime.now(UTC):%Y-%m-%d}"
        self._lines = [f"# {title}", "", f"Made by `{command}` on {machine}, {day}.", ""]

    def say(self, line: str = "") -> None:
        """Print a line and keep it."""
        print(line, flush=True)
        self._lines.append(line)

    def write(self) -> None:
        """Write the file, where a folder was given."""
        if self._path:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.write_text("\n".join([*self._lines, ""]), encoding="utf-8")
