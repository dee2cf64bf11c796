"""`tonescribe refresh`: rewrite what is published in today's form."""

from flows.refresh import refresh_dataset
from schemas.dataset import open_dataset


def run_refresh(location: str, *, everything: bool) -> int:
    """Rewrite and print what was done; return the exit code."""
    made = refresh_dataset(open_dataset(location), everything=everything)
    for recording_id, reason in made.left.items():
        print(f"{recording_id}  {reason}")  # noqa: T201
    sentence = f"{len(made.done)} written anew"
    if made.left:
        sentence += f", {len(made.left)} left as they are; 'tonescribe annotate' does them"
    print(f"{sentence}.")  # noqa: T201
    return 0
