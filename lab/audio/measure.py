"""Measure the audio branch on the corpora of its card, on speakers it was not trained on."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from lab.audio.folds import (
    FoldScores,
    corpus_splits,
    other_sentence_splits,
    probe_fit,
    run_folds,
    unseen_corpus,
)
from lab.audio.material import gather
from lab.audio.recipe import Recipe, new_network, starting_encoder
from lab.audio.sounds import classes_of
from lab.audio.strangers import judged_strangers
from lab.audio.train import (
    PLAN,
    figures_on_strangers,
    leave_out,
    limited,
    meeting_recordings,
)
from lab.corpora.samples import read_voice
from lab.corpora.speech import read_speech
from lab.corpora.splits import FOLDS, trainable
from lab.measures import Measures, measure
from lab.training.options import TrainingOptions
from models.audio.embedded import EmbeddedAudioBranch
from models.precision import choose_device
from schemas.corpus import LabelledClip
from schemas.errors import InputError, SettingsError

if TYPE_CHECKING:
    from torch import Tensor


def measure_audio(
    branch: EmbeddedAudioBranch, data: Path, options: TrainingOptions
) -> dict[str, Measures]:
    """Measure the branch on the speakers that it was not trained on, from `data/speech`.

    The folds of the card are run anew, with heads on the encoder as it came: out of the weights
    where training left it so, else from the folder `options.start`. With the protocol `left-out`
    see `measure_left_out`.
    """
    if options.protocol == "left-out":
        return dict(measure_left_out(data, options))
    clips = limited(read_speech(data / "speech", options.corpora), options.limit, options.seed)
    unseen = [c for c in clips if c.person in branch.unseen_speakers]
    if not unseen:
        raise SettingsError(f"None of the speakers in {data} is unseen by these weights.")
    found = {"speakers not trained on": _measure_clips(branch, trainable(unseen))}
    encoder = branch.untouched_encoder()
    if options.start is not None:
        encoder = starting_encoder(options.start)
    if encoder is not None:
        folds = frozen_folds(encoder, clips, meeting_recordings(data, options.limit), options)
        found |= {name: scores.measures() for name, scores in folds.items()}
    return found


def measure_left_out(data: Path, options: TrainingOptions) -> dict[str, Measures]:
    """Measure each corpus by a network and a calibration that come of the other corpora alone.

    `options.start` is the folder of a voice training, whose networks have judged already, or that
    of the starting encoder: then heads alone are trained, in minutes. Raises `SettingsError` where
    it is neither, and where there is one corpus only.
    """
    clips = limited(read_speech(data / "speech", options.corpora), options.limit, options.seed)
    corpora = sorted({clip.corpus for clip in clips})
    if len(corpora) == 1:
        raise SettingsError(f"There is no corpus beside {corpora[0]}; name --corpora with several.")
    start = options.start or Path()
    trained = all(judged_strangers(start, n).is_file() for n in range(len(corpora)))
    encoder = {} if trained else starting_encoder(start)
    network = None if trained else new_network(encoder)
    meetings = meeting_recordings(data, options.limit)
    with TemporaryDirectory() as scratch:
        plan = PLAN.model_copy(update={"epochs": 0, "resume": trained, "seed": options.seed})
        device = choose_device(options.device)
        # as the training reads them: a clip that stands there twice is judged twice
        shown = tuple(clip for clip in clips if clip.emotion)
        material = gather(network, shown, meetings, device, options.seed)
        recipe = Recipe(encoder, material, plan, start if trained else Path(scratch))
        return figures_on_strangers(leave_out(recipe, material.clips))


def _measure_clips(branch: EmbeddedAudioBranch, clips: Sequence[LabelledClip]) -> Measures:
    scores = branch.score([read_voice(clip) for clip in clips])
    return measure(classes_of(clips), scores, [c.person for c in clips])


def frozen_folds(
    encoder: dict[str, "Tensor"],
    clips: Sequence[LabelledClip],
    meetings: Sequence[Path],
    options: TrainingOptions,
) -> dict[str, FoldScores]:
    """Cross-validate heads on an encoder that no speaker here trained, by speaker and by corpus.

    Clips are pooled once for all folds. Protocol -> scores; a corpus that is not among the
    clips, or that nobody has cut in folds, has none. Raises `InputError` for a damaged clip.
    """
    network = new_network(encoder)
    judged = trainable(clips)
    material = gather(network, judged, meetings, choose_device(options.device), options.seed)
    if material.warnings:
        raise InputError(f"The card's figures are of whole corpora. {material.warnings[0]}")
    fit = probe_fit(network, material)
    found: dict[str, FoldScores] = {}
    corpora = sorted({clip.corpus for clip in judged})
    for corpus in corpora:
        if corpus in FOLDS:
            splits = corpus_splits(judged, corpus, seed=options.seed)
            folds = run_folds(splits, fit)
            found[f"{corpus}, its folds, head alone"] = folds.seven()
            if corpus == "ravdess":
                found["ravdess, eight classes, head alone"] = folds.eight()
                if splits := other_sentence_splits(judged, corpus, options.seed):
                    other = run_folds(splits, fit).seven()
                    found["ravdess, the other sentence, head alone"] = other
        if len(corpora) > 1:
            split = unseen_corpus(judged, corpus, options.seed)
            found[f"{corpus}, never trained on, head alone"] = run_folds([split], fit).seven()
    return found
