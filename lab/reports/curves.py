"""Read loss curves of trainings from TensorBoard logs and checkpoints."""

import json
from pathlib import Path

Curves = dict[str, list[tuple[float, float]]]
"""Name (`loss`, `eval_loss`, `eval_accuracy`, `eval_uar`, `learning_rate`) -> (step, value)."""

_TAGS = {
    "train/loss": "loss",
    "eval/loss": "eval_loss",
    "eval/accuracy": "eval_accuracy",
    "eval/uar": "eval_uar",
    "train/learning_rate": "learning_rate",
}
"""TensorBoard's tag -> the name that transformers gives the figure in its own log."""


def read_curves(folder: Path) -> dict[str, Curves]:
    """Read the curves of every training under a folder; its name there -> curves.

    TensorBoard's event files say all steps; where there are none, or TensorBoard is not
    installed, the `trainer_state.json` of the last checkpoint does.
    """
    found = {_name(path.parent.parent, folder): path for path in _states(folder)}
    curves = {name: _of_state(path) for name, path in found.items()}
    for run in sorted({path.parent for path in folder.rglob("events.out.tfevents.*")}):
        if told := _of_events(run):
            curves[_name(run, folder)] = told
    return {name: told for name, told in sorted(curves.items()) if "loss" in told}


def _states(folder: Path) -> list[Path]:
    """Return the state of each training's last checkpoint, the latest one last."""
    return sorted(folder.rglob("trainer_state.json"), key=lambda path: path.stat().st_mtime)


def _name(place: Path, folder: Path) -> str:
    """Where a training lies under the folder, without the names that every training has."""
    parts = [
        part for part in place.relative_to(folder).parts if part not in {"runs", "checkpoints"}
    ]
    return "/".join(parts) or folder.name


def _of_state(path: Path) -> Curves:
    curves: Curves = {}
    for entry in json.loads(path.read_text(encoding="utf-8")).get("log_history", ()):
        for name in _TAGS.values():
            if name in entry:
                curves.setdefault(name, []).append((float(entry["step"]), float(entry[name])))
    return curves


def _of_events(run: Path) -> Curves:
    try:
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    except ImportError:
        return {}
    events = EventAccumulator(str(run), size_guidance={"scalars": 0})
    events.Reload()
    told = set(events.Tags()["scalars"])
    return {
        name: [(float(event.step), float(event.value)) for event in events.Scalars(tag)]
        for tag, name in _TAGS.items()
        if tag in told
    }
