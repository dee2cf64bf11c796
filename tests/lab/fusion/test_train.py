"""The fusion's discounts: learned where the truth of them is known; ways to join compared."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lab.corpora.actions import CLASSES, FaceActions, performance, read_face_actions
from lab.corpora.posteriors import MODELS, PUBLISHED_FUSION, read_posteriors
from lab.fusion.action_units import judge_actions
from lab.fusion.card import to_card
from lab.fusion.comparison import FIVE, SIX, five_folds, join_by_mean
from lab.fusion.judgements import Judgements, class_weights, out_of_fold
from lab.fusion.material import _lines_by_fold, beside, read_three_branches, read_voice, with_faces
from lab.fusion.networks import Recipe, join_by_network
from lab.fusion.pool import (
    fit_discounts,
    fit_priors,
    fit_weights,
    join_by_discounts,
    join_by_weights,
    join_calibrated,
    without_priors,
)
from lab.training.options import TrainingOptions
from models.architectures.joint_fusion import JOINT
from models.architectures.table import ARCHITECTURES
from models.fusion.embedded import BRANCHES, evidence, log_pool
from schemas.corpus import LabelledClip
from schemas.emotions import EMOTIONS
from schemas.errors import SettingsError
from tests.material.witnesses import accuracy, witnesses


def test_independent_witnesses_are_believed_in_full() -> None:
    judged = witnesses(3_000, alike=False)
    assert fit_discounts(judged).max() < 0.3
    assert fit_weights(judged.scores, judged.labels) == pytest.approx(1.0, abs=0.15)


def test_witnesses_who_copy_each_other_count_about_as_one() -> None:
    judged = witnesses(2_000, alike=True)
    assert fit_weights(judged.scores, judged.labels).sum() == pytest.approx(1.0, abs=0.2)
    discounts = fit_discounts(judged)
    surest = evidence(judged.scores[0]) > 0.4
    assert surest.sum() > 100
    weights = 1 / (1 + discounts @ evidence(judged.scores))
    assert (weights[:, surest].sum(axis=0) < 2.0).all()  # three witnesses, less than two believed


def test_one_fit_serves_every_set_of_branches() -> None:
    judged = witnesses(2_100, alike=False)
    views = [judged.hiding(company) for company in (("audio",), ("audio", "text"), BRANCHES)]
    alone, two, three = out_of_fold(judged, join_by_discounts, views)
    np.testing.assert_allclose(alone, judged.scores[0])  # a voice has no prior
    assert accuracy(judged, three) > accuracy(judged, two) > accuracy(judged, alone)


@pytest.mark.parametrize("join", [join_by_discounts, join_by_weights, join_calibrated])
def test_a_pool_beats_each_branch_and_stays_calibrated_on_unseen_people(join: Callable) -> None:
    judged = witnesses(2_100, alike=False)
    (joined,) = out_of_fold(judged, join)
    pooled = judged.measures(joined, "")
    each = [judged.measures(judged.scores[place], "").uar for place in range(3)]
    (mean,) = out_of_fold(judged, join_by_mean)
    assert pooled.n == 2_100
    assert len(pooled.folds) == 6
    assert pooled.uar > max(each) + 0.05
    assert pooled.ece < min(0.06, judged.measures(mean, "").ece)


def test_an_overconfident_branch_is_cooled_before_it_is_pooled() -> None:
    judged = witnesses(2_100, alike=False)
    sure = judged.scores**4
    sure /= sure.sum(axis=2, keepdims=True)
    shouting = Judgements(
        BRANCHES, judged.stems, judged.labels, judged.speakers, judged.folds, sure
    )
    (cooled,) = out_of_fold(shouting, join_calibrated)
    (loud,) = out_of_fold(shouting, join_by_discounts)
    assert judged.measures(cooled, "").ece < 0.06 < judged.measures(loud, "").ece


@pytest.mark.parametrize("architecture", sorted(ARCHITECTURES["fusion"].keys() - JOINT))
def test_networks_learn_to_join_and_to_do_without_a_branch(architecture: str) -> None:
    judged = witnesses(700, alike=False)
    join = join_by_network(Recipe(architecture))
    tested = judged.folds == 0
    use = join(judged.rows(~tested))
    held = judged.rows(tested)
    for company in (("audio",), ("video", "text"), BRANCHES):
        scores = use(held.hiding(company))
        np.testing.assert_allclose(scores.sum(axis=1), 1.0, atol=1e-5)
        assert accuracy(held, scores) > 0.25
    assert accuracy(held, use(held)) > accuracy(held, use(held.hiding(("audio",))))


def test_faces_are_judged_by_people_whom_the_judge_never_saw() -> None:
    random = np.random.default_rng(0)
    labels = np.arange(420) % 7
    people = np.array([f"{row // 7 % 14:02}" for row in range(420)])
    units = random.normal(size=(420, 8))
    units[np.arange(420), labels] += 3.5
    folds = np.array([row // 7 % 2 for row in range(420)])
    seen = FaceActions(tuple(map(str, range(420))), labels, people, units)
    scores = judge_actions(seen, folds, 7)
    np.testing.assert_allclose(scores.sum(axis=1), 1.0, atol=1e-6)
    assert (scores.argmax(axis=1) == labels).mean() > 0.8
    noise = judge_actions(seen._replace(units=random.normal(size=(420, 8))), folds, 7)
    assert (noise.argmax(axis=1) == labels).mean() < 0.25
    assert noise.max() < 0.6


def test_a_face_relative_to_its_person_no_longer_tells_who_it_is() -> None:
    random = np.random.default_rng(0)
    people = np.repeat(["01", "02"], 50)
    units = random.normal(size=(100, 35)) + (people == "02")[:, None] * 5
    seen = FaceActions(tuple(map(str, range(100))), np.zeros(100, np.int64), people, units)
    relative = seen.relative_to_person().units
    np.testing.assert_allclose(relative[people == "01"].mean(axis=0), 0.0, atol=1e-9)
    np.testing.assert_allclose(relative[people == "02"].mean(axis=0), 0.0, atol=1e-9)


def test_each_class_counts_alike() -> None:
    labels = np.array([0, 0, 0, 2])
    weights = class_weights(labels)
    assert weights.sum() == pytest.approx(4)
    assert weights[:3].sum() == pytest.approx(weights[3])


def test_a_voice_and_a_face_are_joined_by_their_performance() -> None:
    voice = witnesses(14, alike=False).of(["audio"])
    names = [f"03-{row:02}" for row in range(14)]
    voice = Judgements(
        ("audio",), tuple(names), voice.labels, voice.speakers, voice.folds, voice.scores
    )
    order = np.arange(14)[::-1]
    faces = Judgements(
        ("video",),
        tuple(performance(names[row]) for row in order),
        voice.labels[order],
        voice.speakers[order],
        voice.folds[order],
        voice.scores[:, order],
        representations=(order[:, None].astype(float),),
    )
    both = beside(voice, faces)
    np.testing.assert_array_equal(both.scores[0], both.scores[1])
    np.testing.assert_array_equal(both.representations[1][:, 0], np.arange(14))
    strange = Judgements(
        ("video",), faces.stems, faces.labels, faces.speakers, faces.folds + 1, faces.scores
    )
    with pytest.raises(SettingsError, match="other folds"):
        beside(voice, strange)


def test_scores_of_the_voice_are_read_in_the_order_that_is_asked_for(tmp_path: Path) -> None:
    stored = CLASSES[::-1]
    np.savez(
        tmp_path / "five.npz",
        stem=["03-01-01", "03-01-02"],
        speaker=["01", "02"],
        label=[0, 7],
        fold=[0, 1],
        classes=stored,
        scores=np.eye(8)[[0, 7]],
    )
    voice = read_voice(tmp_path / "five.npz", CLASSES)
    assert [CLASSES[label] for label in voice.labels] == [stored[0], stored[7]]
    assert voice.scores[0].argmax(axis=1).tolist() == voice.labels.tolist()
    with pytest.raises(SettingsError, match="train audio anew"):
        read_voice(tmp_path / "five.npz", EMOTIONS)


def test_a_prior_is_found_and_taken_out() -> None:
    """Words that were calibrated where class 0 is frequent."""
    judged = witnesses(3_000, alike=False)
    prior = np.array([0.5, 0.2, 0.1, 0.05, 0.05, 0.05, 0.05])
    learned = judged.scores[2] * prior
    learned /= learned.sum(axis=1, keepdims=True)
    scores = np.stack([judged.scores[0], judged.scores[1], learned])
    leaning = replace(judged, scores=scores)
    priors = fit_priors(leaning)
    np.testing.assert_allclose(priors[2], prior, atol=0.06)
    np.testing.assert_allclose(priors[:2], 1 / 7)
    (joined,) = out_of_fold(leaning, join_by_discounts)
    (blind,) = out_of_fold(replace(leaning, branches=("a", "b", "c")), join_by_discounts)
    assert accuracy(leaning, joined) > accuracy(leaning, blind)
    assert fit_discounts(without_priors(leaning, priors)).max() < 0.5


def test_a_line_is_drawn_for_one_fold_alone() -> None:
    said = [f"line {number % 40}" for number in range(80)]  # every line is said twice
    clips = [
        LabelledClip(
            corpus="meld", text=text, label=EMOTIONS[n % 7], emotion=EMOTIONS[n % 7], speaker="a"
        )
        for n, text in enumerate(said)
    ]
    labels, folds = np.tile(np.arange(7), 20), np.repeat(np.arange(4), 35)
    drawn = _lines_by_fold(clips, labels, folds, np.random.default_rng(0))
    assert [clips[row].emotion for row in drawn] == [EMOTIONS[label] for label in labels]
    lines = [{said[row] for row in drawn[folds == fold]} for fold in range(4)]
    assert all(not lines[i] & lines[k] for i in range(4) for k in range(i))


@pytest.mark.needs_shared
def test_a_face_is_of_the_same_performance_as_its_voice(shared: Path) -> None:
    actions = read_face_actions(shared / "data")
    assert performance("03-01-05-02-01-01-09") == performance("01-01-05-02-01-01-09")
    found = actions.of(["03-01-05-02-01-01-09"])
    assert found.units.shape == (1, 35)
    assert CLASSES[found.labels[0]] == "angry"
    assert found.people.tolist() == ["09"]
    assert len(set(actions.names)) == 1440


@pytest.mark.needs_shared
def test_published_outputs_are_those_of_actors_who_were_not_trained_on(shared: Path) -> None:
    table = read_posteriors(shared / "data")
    assert len(set(table.names)) == 1440
    np.testing.assert_array_equal(table.folds, five_folds(table.people))
    right = {
        model: (scores.argmax(axis=1) == table.labels).mean()
        for model, scores in table.scores.items()
    }
    assert [round(right[m], 3) for m in MODELS] == [0.819, 0.604, 0.624]  # in all, not by fold
    assert right[PUBLISHED_FUSION] == pytest.approx(0.867, abs=0.001)


@pytest.mark.needs_shared
def test_fixed_weights_join_the_published_outputs_better_than_their_authors(shared: Path) -> None:
    table = read_posteriors(shared / "data")
    judged = Judgements(
        MODELS,
        table.names,
        table.labels,
        table.people,
        table.folds,
        np.stack([table.scores[model] for model in MODELS]),
        CLASSES,
    )
    (joined,) = out_of_fold(judged, join_by_weights)
    published = judged.measures(table.scores[PUBLISHED_FUSION], "")
    ours = judged.measures(joined, "")
    assert ours.mean["accuracy"] > published.mean["accuracy"]
    weights = fit_weights(judged.scores, judged.labels)
    np.testing.assert_allclose(log_pool(judged.scores, weights).sum(axis=1), 1.0)


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="run tonescribe train audio first"):
        read_three_branches(tmp_path, TrainingOptions(start=tmp_path))
    with pytest.raises(SettingsError, match=r"ravdess_openface_au_mean\.parquet"):
        read_face_actions(tmp_path)
    with pytest.raises(SettingsError, match=r"ravdess_posteriors_lunajimenez2022\.parquet"):
        read_posteriors(tmp_path)


def test_the_card_tells_the_discounts_and_every_figure() -> None:
    judged = witnesses(210, alike=False)
    found = {
        f"{SIX}: audio alone": judged.measures(judged.scores[0], ""),
        f"{FIVE}: audio + video, pool": judged.measures(judged.scores[1], ""),
    }
    priors = np.full((3, 7), 1 / 7)
    priors[2] = [0.4, *[0.1] * 6]
    card = to_card(np.array([[0, 0.75, 0.25], [0.5, 0, 0.02], [2.3, 2.7, 0]]), priors, found)
    assert "| voice |  | 0.75 | 0.25 |" in card
    assert "| words | 0.40 | 0.10 |" in card
    assert f"| voice alone | {found[f'{SIX}: audio alone'].mean['accuracy']:.3f} ±" in card
    assert "| voice + face, pool |" in card
    assert "Non-commercial use" in card
    assert all(len(line) < 130 for line in card.splitlines())


def test_a_trial_of_the_voice_is_too_little_to_learn_faces_from() -> None:
    judged = witnesses(42, alike=False)
    voice = replace(judged, stems=tuple(f"03-{row}" for row in range(42))).of(("audio",))
    units = np.random.default_rng(0).random((42, 35))
    names = tuple(map(str, range(42)))
    faces = FaceActions(names, judged.labels, judged.speakers, units)
    with pytest.raises(SettingsError, match=r"42 performances are too few .* without --limit"):
        with_faces(voice, faces, seed=0)
