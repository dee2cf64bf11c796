"""Make the background of the speaker encoder: `python benchmarks/speaker_background.py DATA`.

DATA/speech holds the corpora as `<corpus>.tar` of Opus files with `<corpus>.csv`. Clips of each
speaker whom constants may be chosen on (`composed.TUNED_SPEAKERS`) are joined and embedded in
pieces of 2.5 s, as heard and through a telephone; the mean over the speakers' means is the
background. Only mean vectors over 20 speakers are written, nothing of any one of them. The other
speakers of these corpora are left for checks.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from composed import LOUD, NOISE_DB, TUNED_SPEAKERS, Sound, voices_of

from lab.acoustics.conditions import telephone
from models.checkpoint import save_weights, shipped
from models.diarization.campplus import CampPlus, load_campplus, log_mels
from models.network_store import find_network
from schemas.settings import WeightSettings

CLIPS = 24
PIECE = 40_000


def main() -> None:
    """Write the background beside the other shipped weights."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, default=shipped("diarizer"))
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    (file,) = find_network("campplus", WeightSettings()).glob("*.pt")
    encoder = load_campplus(file)
    random = np.random.default_rng(0)
    means: dict[str, list[Sound]] = {"wide": [], "telephone": []}
    for corpus, speakers in voices_of(chosen.data, TUNED_SPEAKERS, calm=False).items():
        for speaker, clips in speakers.items():
            sound = np.concatenate([clips[k] for k in random.permutation(len(clips))[:CLIPS]])
            sound = sound + LOUD * 10 ** (NOISE_DB / 20) * random.normal(size=len(sound))
            means["wide"].append(mean_embedding(encoder, sound))
            means["telephone"].append(mean_embedding(encoder, telephone(sound, random)))
            print(corpus, speaker, f"{len(sound) / 16_000:.0f} s")
    state = {name: torch.from_numpy(np.mean(rows, axis=0)).float() for name, rows in means.items()}
    speakers_of = {corpus: chosen.stop for corpus, chosen in TUNED_SPEAKERS.items()}
    save_weights(chosen.out, state, {"speakers": speakers_of, "clips": CLIPS})


def mean_embedding(encoder: CampPlus, sound: Sound) -> Sound:
    """Mean of unit embeddings over pieces, shape (192,)."""
    rows = []
    for first in range(0, len(sound) - PIECE, PIECE):
        piece = np.asarray(sound[first : first + PIECE], np.float32)
        mels = log_mels(torch.from_numpy(piece))
        with torch.inference_mode():
            rows.append(encoder((mels - mels.mean(0))[None])[0])
    return np.asarray(torch.nn.functional.normalize(torch.stack(rows), dim=1).mean(0))


if __name__ == "__main__":
    main()
