"""The last lines of `make demo`: where everything is, and what to type next."""

import sys
from pathlib import Path

from schemas.dataset import open_dataset


def main(location: str) -> None:
    """Say where the tables and the page of the demo lie."""
    dataset = open_dataset(location)
    here = Path.cwd()
    table = next(dataset.list("utterances", ".parquet"))
    page = next(dataset.list("pages", ".html"))
    sql = "select speaker, emotion, count(*) as n from utterances group by all order by n desc"
    lines = [
        "",
        f"Parquet  {Path(dataset.path(table)).relative_to(here)}",
        f"Page     {Path(dataset.path(page)).relative_to(here)}  (open it in a browser)",
        "",
        "Next:",
        f'  .venv/bin/tonescribe query {location} "{sql}"',
        "  .venv/bin/tonescribe annotate FOLDER_OR_BUCKET --out DATASET --purpose research",
        "  .venv/bin/tonescribe doctor",
    ]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
