"""The last lines of `make demo`: where everything is, and what to type next."""

import sys
from pathlib import Path

from schemas.dataset import PAGES, open_dataset


def main(location: str) -> None:
    """Say where the tables and the page of the demo lie."""
    dataset = open_dataset(location)
    table = next(dataset.list("utterances", ".parquet"))
    page = next(dataset.list(PAGES, ".html"))
    sql = "select speaker, emotion, count(*) as n from utterances group by all order by n desc"
    lines = [
        "",
        f"Parquet  {_near(dataset.path(table))}",
        f"Page     {_near(dataset.path(page))}  (open it in a browser)",
        "",
        "Next:",
        f'  .venv/bin/tonescribe query {location} "{sql}"',
        "  .venv/bin/tonescribe annotate FOLDER_OR_BUCKET --out DATASET --purpose research",
        "  .venv/bin/tonescribe doctor",
    ]
    sys.stdout.write("\n".join(lines) + "\n")


def _near(path: str) -> str:
    """Return a path relative to this folder where it lies below it."""
    here = Path.cwd()
    return str(Path(path).relative_to(here) if Path(path).is_relative_to(here) else path)


if __name__ == "__main__":
    main(sys.argv[1])
