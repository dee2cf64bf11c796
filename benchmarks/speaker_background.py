"""Make the background of the speaker encoder: `python benchmarks/speaker_background.py DATA`.

DATA/speech holds the corpora as `<corpus>.tar` of Opus files with `<corpus>.csv`. Each speaker's
calm clips are joined and embedded in chunks of 5 s, as heard and through a telephone (300 to
3400 Hz, mu-law); the mean over the speakers' means is the background. Only mean vectors over 20
speakers are written, nothing of any one of them. The other speakers of these corpora are left
for checks.
"""

import argparse
import csv
import io
import tarfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
import torch
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt

from models.checkpoint import save_weights, shipped
from models.voices.embedding import SPEECH_POWER, WindowedSpeakerEmbedding
from models.voices.wheels import load_encoder
from schemas.values import SAMPLE_RATE

SPEAKERS = {"ravdess": 12, "nemo": 5, "emovo": 3}
"""The first so many speakers of each corpus, in the order of their names."""

CALM = {"neutral", "calm", "sad", "sadness", "happy", "happiness"}
CLIPS = 20
CHUNK = 5 * SAMPLE_RATE


def main() -> None:
    """Write the background beside the other shipped weights."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, default=shipped("diarizer"))
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    embed = WindowedSpeakerEmbedding(load_encoder(), torch.device("cpu"))
    wide, narrow = [], []
    for speaker, sound in voices(chosen.data / "speech"):
        wide.append(mean_embedding(embed, sound))
        narrow.append(mean_embedding(embed, telephone(sound)))
        print(speaker, f"{len(sound) / SAMPLE_RATE:.0f} s")
    state = {
        name: torch.from_numpy(np.mean(rows, axis=0)).float()
        for name, rows in (("wide", wide), ("telephone", narrow))
    }
    save_weights(chosen.out, state, {"speakers": SPEAKERS, "clips": CLIPS})


def voices(folder: Path) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Yield each chosen speaker with their clips joined, brought to one loudness."""
    for corpus, count in SPEAKERS.items():
        with (folder / f"{corpus}.csv").open() as file:
            rows = [row for row in csv.DictReader(file) if row["emotion"] in CALM]
        files = defaultdict(list)
        for row in rows:
            files[row["speaker"]].append(Path(row["file"]).stem)
        with tarfile.open(folder / f"{corpus}.tar") as tar:
            members = {Path(member.name).stem: member for member in tar if member.isfile()}
            for speaker in sorted(files)[:count]:
                clips = [read(tar, members[name]) for name in sorted(files[speaker])[:CLIPS]]
                yield f"{corpus} {speaker}", np.concatenate(clips)


def read(tar: tarfile.TarFile, member: tarfile.TarInfo) -> NDArray[np.float32]:
    """Read a clip without the silence around it, at the encoder's loudness."""
    file = tar.extractfile(member)
    assert file is not None
    sound, _ = soundfile.read(io.BytesIO(file.read()), dtype="float32")
    power = np.convolve(np.square(sound), np.ones(400) / 400, mode="same")
    loud = np.flatnonzero(power > power.max() * 1e-3)
    speech = sound[loud[0] : loud[-1] + 1]
    return np.asarray(speech * np.sqrt(SPEECH_POWER / np.square(speech).mean()), np.float32)


def telephone(sound: NDArray[np.float32]) -> NDArray[np.float32]:
    """Pass sound through a telephone line: band 300 to 3400 Hz, 8-bit mu-law (ITU-T G.711)."""
    band = sosfilt(butter(4, [300, 3400], "band", fs=SAMPLE_RATE, output="sos"), sound)
    band = 0.5 * band / np.abs(band).max()
    code = np.round(127 * np.sign(band) * np.log1p(255 * np.abs(band)) / np.log(256)) / 127
    return np.asarray(np.sign(code) * (256 ** np.abs(code) - 1) / 255, np.float32)


def mean_embedding(
    embed: WindowedSpeakerEmbedding, sound: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Mean embedding over whole chunks of 5 s, shape (256,)."""
    chunks = torch.from_numpy(sound[: len(sound) // CHUNK * CHUNK].reshape(-1, 1, CHUNK).copy())
    return np.asarray(embed(chunks).mean(axis=0), np.float32)


if __name__ == "__main__":
    main()
