"""`tonescribe refresh`: rewrite what is published in today's form."""

from flows.refresh import refresh_dataset
from schemas.dataset import Dataset
from schemas.settings import load_settings


def run_refresh(location: str, *, everything: bool) -> int:
    """Rewrite and print what was done; return the exit code."""
    is_private = load_settings().dataset_mode == "private"
    made = refresh_dataset(Dataset(location, is_private=is_private), everything=everything)
    for recording_id, reason in made.left.items():
        print(f"{recording_id}  {reason}")  # noqa: T201
    sentence = f"{len(made.done)} written anew"
    if made.left:
        sentence += f", {len(made.left)} left as they are; 'tonescribe annotate' does them"
    print(f"{sentence}.")  # noqa: T201
    return 0
