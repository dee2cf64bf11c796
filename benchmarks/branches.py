"""Size and speed of the models that ship: `python benchmarks/branches.py [--threads 2]`.

Every branch judges the same 3-s utterances of the sample meeting in one batch, as the stages hand
them over: the voice with the microphone's sound, the face with five crops a second that carry noise
(what is in them does not change the time), the words with the captions and what was said before.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

_SECONDS = 3.0
_FACES_PER_SECOND = 5
_FACE = 64
_ROUNDS = 3


def samples_of(folder: Path, count: int, settings: Any) -> dict[str, list[Any]]:
    """`count` utterances for each branch, from the sample meeting repeated."""
    from models.protocols import FaceSequence, TextSample
    from tasks.ingest.fetch import fetch
    from tasks.ingest.find import find_recordings
    from tasks.media.probe import probe
    from tasks.media.split import WavFile, split
    from tasks.sample import make_sample

    item = fetch(find_recordings(str(make_sample(folder)))[0], folder / "fetched")
    media = split(item, probe(item.path, settings), settings, folder)
    assert media.audio_path is not None
    sound = WavFile(media.audio_path)
    starts = np.linspace(0, sound.duration - _SECONDS, count)
    random = np.random.default_rng(0)
    n_faces = int(_SECONDS * _FACES_PER_SECOND)
    times = (np.arange(n_faces) / _FACES_PER_SECOND).astype(np.float32)
    said = (
        "Oh, hello. I didn't know you were there.",
        "Neither did I.",
        "I thought I heard a beep.",
    )
    before = tuple(("SPEAKER_00", text) for text in said)
    return {
        "audio": [sound.read(at, at + _SECONDS) for at in starts],
        "video": [
            FaceSequence(random.integers(0, 256, (n_faces, _FACE, _FACE), np.uint8), times)
            for _ in starts
        ],
        "text": [
            TextSample(said[row % len(said)], "en", before, "SPEAKER_00") for row in range(count)
        ],
    }


def fastest(judge: Callable[[], Any]) -> float:
    """Seconds of the fastest of a few rounds, after one that warms up."""
    judge()
    took = []
    for _ in range(_ROUNDS):
        began = time.perf_counter()
        judge()
        took.append(time.perf_counter() - began)
    return min(took)


def main() -> None:
    """Print a table: branch, MB of its weights, utterances per second, times real time."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--utterances", type=int, default=64)
    options = parser.parse_args()
    import torch

    from models.checkpoint import SHIPPED
    from models.registry import load_engine
    from schemas.settings import Settings

    torch.set_num_threads(options.threads)
    settings = Settings()
    with tempfile.TemporaryDirectory() as folder:
        samples = samples_of(Path(folder), options.utterances, settings)
    print(f"{'branch':8} {'MB':>6} {'utterances/s':>13} {'x real time':>12}")
    for branch, own in samples.items():
        engine = load_engine(branch, "embedded", settings.weights)
        seconds = fastest(lambda engine=engine, own=own: engine.score(own))  # type: ignore[misc]
        size = sum(path.stat().st_size for path in SHIPPED.glob(f"{branch}*.safetensors")) / 1e6
        rate = len(own) / seconds
        print(f"{branch:8} {size:6.1f} {rate:13.1f} {rate * _SECONDS:12.0f}")


if __name__ == "__main__":
    main()
