"""Train the fusion: discounts between branches, on people that no branch was trained on."""

import json
import time
from collections.abc import Mapping
from pathlib import Path

from lab.corpora.actions import CLASSES
from lab.fusion.architecture import measure_network
from lab.fusion.card import to_card
from lab.fusion.comparison import (
    BOTH_OWN_MEANS,
    COMPANIES,
    FIVE,
    OWN_MEAN,
    RELATIVE,
    SIX,
    Figures,
    judge_faces,
    measure_missing,
    measure_published,
    measure_together,
    summarise,
    ways_to_join,
    ways_to_miss,
)
from lab.fusion.judgements import Judgements
from lab.fusion.material import (
    beside,
    prior_of_faces,
    read_three_branches,
    read_voice,
    voice_folds,
)
from lab.fusion.networks import recipe_of
from lab.fusion.pool import fit_discounts, fit_priors, without_priors
from lab.measures import Measures
from lab.reports.emotion import Evaluation, report_of
from lab.reports.render import to_markdown
from lab.training.options import TrainingOptions, TrainingReport
from models.architectures.fusion import TrainedFusion
from models.checkpoint import save_weights
from models.fusion.embedded import BRANCHES
from models.protocols import Fusion


def train_fusion(data: Path, out: Path, options: TrainingOptions) -> TrainingReport:
    """Fit the discounts; write `fusion.{safetensors,md}` and `comparison.{json,md}` to `out`.

    `options.start` is the folder of a voice training (`folds/ravdess-left-out.npz`, and for the
    comparison `folds/ravdess-five.npz`); `data` holds `face/` and `text/`. Raises
    `SettingsError` where they are missing and `WeightsError` where the text branch is.
    """
    import torch

    began = time.perf_counter()
    judged = read_three_branches(data, options)
    priors = fit_priors(judged)
    discounts = fit_discounts(without_priors(judged, priors))
    # the faces of this fit are action units; those that are annotated come from the video network
    priors[judged.branches.index("video")] = prior_of_faces(data)
    path = out / "fusion.safetensors"
    config = {"branches": BRANCHES, "n_train": len(judged.labels), "seed": options.seed}
    numbers = {"discounts": discounts, "priors": priors}
    state = {name: torch.from_numpy(values).float() for name, values in numbers.items()}
    save_weights(path, state, config)
    found = _all_figures(data, options, judged) if options.folds else {}
    card = path.with_suffix(".md")
    card.write_text(to_card(discounts, priors, found), encoding="utf-8")
    if found:
        write_comparison(out, found)
    return TrainingReport(
        branch="fusion",
        weights=path,
        card=card,
        n_train=len(judged.labels),
        seconds=time.perf_counter() - began,
        measures={name: summarise(measures) for name, measures in found.items()},
    )


def measure_fusion(branch: Fusion, data: Path, options: TrainingOptions) -> dict[str, Measures]:
    """Measure how branches are joined: every fold by what was fitted to the people of the others.

    A network of the table is measured beside the pool, the pool beside all that it was compared
    with. `data` holds `face/` and `text/`; lines with our own voice need the folder of a voice
    training with its folds in `options.start`. Raises `SettingsError` where a table is missing.
    """
    # the branch itself was fitted to all of these people: the folds fit anew
    if isinstance(branch, TrainedFusion):
        return measure_network(data, options, recipe_of(branch.config))
    if options.start is None:
        return _without_voice(data, options)
    return _all_figures(data, options, read_three_branches(data, options))


def _without_voice(data: Path, options: TrainingOptions) -> Figures:
    return _five_folds(data, options) | measure_published(data, options.seed)


def _all_figures(data: Path, options: TrainingOptions, judged: Judgements) -> Figures:
    found = _without_voice(data, options)
    for company in (("audio", "video"), BRANCHES):
        found |= measure_together(judged.of(company), SIX, ways_to_join(options.seed))
    return found | measure_missing(judged, ways_to_miss(options.seed), COMPANIES)


def _five_folds(data: Path, options: TrainingOptions) -> Figures:
    """Measure action units alone, and with our voice where its five folds are there.

    Each by itself, each face relative to its person's mean, and each voice as well.
    """
    path = voice_folds(options.start, "ravdess-five")
    voice = read_voice(path, CLASSES) if path.is_file() else None
    ways = ways_to_join(options.seed)
    found: Figures = {}
    for relative, name, note in ((False, FIVE, ""), (True, f"{FIVE}, {OWN_MEAN}", RELATIVE)):
        faces = judge_faces(data, options.seed, relative=relative)
        found[f"{name}: action units"] = faces.measures(faces.scores[0], note)
        if voice is None:
            continue
        found |= measure_together(beside(voice, faces), name, ways, note)
        if relative:
            both = beside(voice.relative_to_person(), faces)
            found |= measure_together(both, f"{FIVE}, {BOTH_OWN_MEANS}", ways, note)
    return found


def write_comparison(out: Path, found: Mapping[str, Measures]) -> None:
    """Write all figures to `comparison.{json,md}`."""
    figures = {name: measures.model_dump() for name, measures in found.items()}
    (out / "comparison.json").write_text(json.dumps(figures, indent=1), encoding="utf-8")
    report = report_of(Evaluation("Ways to join voice, face and words", found))
    (out / "comparison.md").write_text(to_markdown(report), encoding="utf-8")
