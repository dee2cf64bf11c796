"""Among several faces the one that moves its mouth with the voice wins, or none."""

import numpy as np

from models.faces.speaking import pick_speaking_face

RANDOM = np.random.default_rng(0)
VOICE = np.repeat([0.0, 40.0, 0.0, 45.0, 0.0, 38.0], 10)
SPEAKING = 0.3 * (VOICE > 0) * (1 + RANDOM.normal(0, 0.4, 60)) + RANDOM.normal(0, 0.05, 60)
LISTENING = RANDOM.normal(0, 0.05, 60)
LAUGHING_LATER = 0.3 * (VOICE == 0) + RANDOM.normal(0, 0.05, 60)


def test_the_mouth_that_keeps_time_with_the_voice_wins() -> None:
    assert pick_speaking_face({7: LISTENING, 3: SPEAKING, 5: LAUGHING_LATER}, VOICE) == 3


def test_nobody_wins_where_nobody_moves() -> None:
    assert pick_speaking_face({1: LISTENING, 2: RANDOM.normal(0, 0.05, 60)}, VOICE) is None


def test_nobody_wins_where_two_move_alike() -> None:
    assert pick_speaking_face({1: SPEAKING, 2: SPEAKING * 1.1}, VOICE) is None


def test_moments_with_other_voices_do_not_count() -> None:
    masked = VOICE.copy()
    masked[:40] = np.nan
    misleading = np.where(np.isnan(masked), LAUGHING_LATER, SPEAKING)
    assert pick_speaking_face({1: misleading, 2: LISTENING}, masked) == 1


def test_a_face_seen_for_a_moment_proves_nothing() -> None:
    brief = np.full(60, np.nan)
    brief[10:16] = SPEAKING[10:16]
    assert pick_speaking_face({1: brief, 2: LISTENING}, VOICE) is None
    assert pick_speaking_face({}, VOICE) is None
