"""Compose a meeting: choose people, draw turns, act them, and lay them out."""

import itertools
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lab.meetings.acting import Manner, act
from lab.meetings.drawing import Look, Role, avatar_box, face_box
from lab.meetings.layouts import Cast, Condition, Scene, Tile
from lab.meetings.people import LOUD, RATE, PeopleSet, Person, Sound
from lab.meetings.recipes import Recipe
from lab.meetings.timing import RealTurn, draw_turns
from lab.meetings.truth import FaceSpan, Participant, TrueFace, TrueTurn, TrueWord, Truth
from schemas.errors import SettingsError
from schemas.values import SAMPLE_RATE, Seconds, to_grid

NAMES = (
    "Ana Garcia",
    "Bo Lindqvist",
    "Chidi Okafor",
    "Dana Weiss",
    "Emre Kaya",
    "Fen Li",
    "Greta Holm",
    "Hugo Marin",
    "Ines Duarte",
)
"""Names of those who speak, in this order; listeners are `Guest 1`, `Guest 2`, …."""

_GAINS_DB = (-4.0, 0.0)
_NOISE_DB = -45.0
_LEAST_SPEECH = 2.5 / 60
"""Everybody who speaks does so for this share of the meeting at least."""

_FACE_SHARES = (0.42, 0.54)
_ACROSS = (0.46, 0.54)
_MANNERS: tuple[Manner, ...] = ("calm", "nods", "chews", "calm")
_LEAST_TURN = 5
_FREEZES = {"speaker": (0.3, 0.75), "listener": (0.2, 0.8)}
_SPAN = RATE
"""Truth about faces is given for so many pictures at a time."""

_PHOTO = "a photo"


@dataclass(frozen=True)
class Composed:
    """A meeting ready to be drawn: truth, sound at 16 kHz, scenes, and roles by participant.

    `tracks` are the sound of each participant alone, without noise.
    """

    name: str
    recipe: Recipe
    truth: Truth
    sound: Sound
    scenes: tuple[Scene, ...]
    roles: Mapping[str, Role]
    tracks: Mapping[str, Sound]

    def face_share(self, tile: Tile) -> float | None:
        """How high a face is in a tile where the condition says so, else None."""
        wanted = self.recipe.how.face
        return None if wanted is None else wanted / tile.height

    def photo_tile(self, scene: Scene) -> Tile | None:
        """Where the photo of somebody absent is in a scene."""
        width, height = self.truth.width, self.truth.height
        where = self.recipe.how.photo
        if where == "slide" and scene.slide is not None and scene.slide % 4 != 3:
            return Tile(
                int(0.64 * width), int(0.36 * height), int(0.3 * width), int(0.5 * height), _PHOTO
            )
        if where == "wall" and scene.tiles:
            wall = scene.tiles[0]
            wide, tall = int(0.24 * wall.width), int(0.36 * wall.height)
            return Tile(wall.x + wall.width // 40, wall.y + wall.height // 30, wide, tall, _PHOTO)
        return None


def compose(
    recipe: Recipe,
    people: Mapping[str, Person],
    words: Path,
    chosen: PeopleSet,
    seed: int,
    seconds: Seconds,
) -> Composed:
    """Compose one meeting, always the same for the same arguments.

    `words` is AMI's table of manual words. Raises `SettingsError` where there are too few people.
    """
    key = zlib.crc32(f"{recipe.layout}+{recipe.condition}".encode())
    random = np.random.default_rng([seed, key])
    how, plan = recipe.how, recipe.plan
    n = round(seconds * RATE)
    dealt = draw_turns(words, seconds, plan.speakers, _LEAST_SPEECH * seconds, random)
    cast, absent = _cast(recipe, people, random)
    turns = _on_pictures(dealt, [who.id for who in cast], n)
    roles: dict[str, Role] = {}
    tracks: dict[str, Sound] = {}
    for number, who in enumerate(cast):
        spans = [(turn.first, turn.last) for turn in turns[who.id]]
        manner = _MANNERS[number % len(_MANNERS)]
        script, sound = act(people[who.person], spans, n, manner, random)
        gain = np.float32(10 ** (random.uniform(*_GAINS_DB) / 20))
        tracks[who.id] = _late(sound * gain, how.delay)
        roles[who.id] = Role(people[who.person], script, _look(who, random))
    _freeze(roles, cast, turns, how, n)
    still, _ = act(people[absent], [], 1, "calm", random)
    roles[_PHOTO] = Role(people[absent], still, Look(0.6, 0.5))
    seen = sorted((t.first / RATE, t.last / RATE, who) for who in turns for t in turns[who])
    shown = [who.id for who in cast if who.on_screen]
    scenes = plan.make(Cast(*plan.size, seconds, shown, seen, random))
    truth = Truth(
        layout=recipe.layout,
        n_tiles=max((len(scene.tiles) for scene in scenes), default=0),
        conditions=() if recipe.condition == "clean" else (recipe.condition,),
        people=chosen,
        seed=seed,
        duration=seconds,
        width=plan.size[0],
        height=plan.size[1],
        fps=how.fps,
        delay=how.delay,
        participants=tuple(cast),
        turns=_true_turns(turns, how.delay, seconds),
    )
    sound = _finished(np.sum(list(tracks.values()), axis=0), random)
    made = Composed(recipe.name(seed), recipe, truth, sound, tuple(scenes), roles, tracks)
    return replace(made, truth=truth.model_copy(update={"faces": _faces(made)}))


@dataclass(frozen=True)
class _Turn:
    """A turn from picture `first` to before `last`."""

    first: int
    last: int
    real: RealTurn


def _on_pictures(
    dealt: Sequence[tuple[RealTurn, int]], names: Sequence[str], n: int
) -> dict[str, list[_Turn]]:
    """Put turns on the grid of pictures, by participant, at least a picture apart."""
    turns: dict[str, list[_Turn]] = {name: [] for name in names}
    for turn, voice in dealt:
        own = turns[names[voice]]
        first = max(round(turn.start * RATE), own[-1].last + 1 if own else 0)
        last = min(round(turn.end * RATE), n)
        if last - first >= _LEAST_TURN:
            own.append(_Turn(first, last, turn))
    return turns


def _cast(
    recipe: Recipe, people: Mapping[str, Person], random: np.random.Generator
) -> tuple[list[Participant], str]:
    """Choose those who speak, then listeners until the tiles are full; and somebody absent."""
    plan, how = recipe.plan, recipe.how
    able = [name for name in people if people[name].talk]
    if len(able) < plan.speakers or len(people) <= plan.speakers:
        raise SettingsError(
            f"The layout '{recipe.layout}' needs {plan.speakers} people who talk and one more; "
            f"there are {len(people)}."
        )
    talkers = [able[int(k)] for k in random.permutation(len(able))[: plan.speakers]]
    hidden = plan.speakers if how.off_camera < 0 else how.off_camera
    cast = [
        Participant(
            id=f"p{k + 1}",
            name=NAMES[k],
            person=name,
            on_screen=plan.tiles > 0 and k < plan.speakers - hidden,
        )
        for k, name in enumerate(talkers)
    ]
    others = [name for name in people if name not in talkers]
    others = [others[int(k)] for k in random.permutation(len(others))]
    absent = others.pop(0) if len(others) > 1 or how.photo else others[0]
    made_of = {who.person: who.id for who in cast}
    wanted = plan.tiles - sum(who.on_screen for who in cast)
    for number in range(max(0, wanted)):
        new = others.pop(0) if others else None
        person = new or list(people)[int(random.integers(len(people)))]
        identity = f"q{number + 1}"
        cast.append(
            Participant(
                id=identity,
                name=f"Guest {number + 1}",
                person=person,
                on_screen=True,
                speaks=False,
                variant_of=None if new else made_of.get(person, person),
            )
        )
        made_of.setdefault(person, identity)
    return cast, absent


def _look(who: Participant, random: np.random.Generator) -> Look:
    share, across = random.uniform(*_FACE_SHARES), random.uniform(*_ACROSS)
    if who.variant_of is None:
        return Look(share, across)
    mixing = np.diag(random.uniform(0.75, 1.15, 3)) + random.uniform(-0.12, 0.12, (3, 3))
    return Look(share, across, bool(random.random() < 0.7), mixing.astype(np.float32))


def _freeze(
    roles: dict[str, Role],
    cast: Sequence[Participant],
    turns: Mapping[str, Sequence[_Turn]],
    how: Condition,
    n: int,
) -> None:
    if how.freezes is None:
        return
    talk = {w.id: sum(turn.last - turn.first for turn in turns[w.id]) for w in cast if w.on_screen}
    pick = max if how.freezes == "speaker" else min
    who = pick(talk, key=lambda name: talk[name])
    first, last = (round(share * n) for share in _FREEZES[how.freezes])
    roles[who] = replace(roles[who], script=roles[who].script.frozen(first, last))


def _true_turns(
    turns: Mapping[str, Sequence[_Turn]], delay: Seconds, seconds: Seconds
) -> tuple[TrueTurn, ...]:
    """Return the turns in the time of the sound."""

    def heard(time: Seconds) -> Seconds:
        return to_grid(min(max(0.0, time + delay), seconds))

    made = [
        TrueTurn(
            start=heard(turn.first / RATE),
            end=heard(turn.last / RATE),
            participant=who,
            words=tuple(
                TrueWord(start=heard(word.start), end=heard(word.end), text=word.text)
                for word in turn.real.words
            ),
        )
        for who, own in turns.items()
        for turn in own
    ]
    return tuple(sorted(made, key=lambda turn: (turn.start, turn.participant)))


def _late(sound: Sound, delay: Seconds) -> Sound:
    shift = round(delay * SAMPLE_RATE)
    shifted = np.zeros_like(sound)
    if shift >= 0:
        shifted[shift:] = sound[: len(sound) - shift]
    else:
        shifted[:shift] = sound[-shift:]
    return shifted


def _finished(mixed: Sound, random: np.random.Generator) -> Sound:
    """Add faint noise, keep the sound from clipping."""
    noise = random.normal(size=len(mixed)).astype(np.float32)
    noisy = mixed + np.float32(LOUD * 10 ** (_NOISE_DB / 20)) * noise
    return noisy * np.float32(min(1.0, 0.9 / max(1e-6, float(np.abs(noisy).max()))))


def _faces(made: Composed) -> tuple[TrueFace, ...]:
    """Where each face is, a second at a time; those of a participant by kind."""
    known = {who.id for who in made.truth.participants}
    spans: dict[tuple[str, str], list[FaceSpan]] = {}
    for scene in made.scenes:
        photo = made.photo_tile(scene)
        for tile in [*scene.tiles, *([photo] if photo else [])]:
            role = made.roles[tile.who]
            first, last = round(scene.start * RATE), round(scene.end * RATE)
            still = role.script.still
            for start, end in _pieces(first, last, still if tile.who in known else still[:1]):
                kind = _kind(tile, bool(tile.who in known and still[start]))
                spans.setdefault((tile.who, kind), []).append(
                    _span(made, role, tile, start, end, kind)
                )
    return tuple(
        TrueFace.model_validate(
            {"participant": who if who in known else None, "kind": kind, "spans": tuple(found)}
        )
        for (who, kind), found in spans.items()
    )


def _kind(tile: Tile, is_still: bool) -> str:
    if tile.who == _PHOTO:
        return "photo"
    return "frozen" if is_still and tile.kind == "live" else tile.kind


def _pieces(first: int, last: int, still: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Cut a stretch into pieces of a second, and where it begins or ends to be still."""
    edges = {first, last, *range(first, last, _SPAN)}
    edges |= {int(k) + 1 for k in np.flatnonzero(np.diff(still)) if first < k + 1 < last}
    ordered = sorted(edges)
    return [(a, b) for a, b in itertools.pairwise(ordered) if b > a]


def _span(made: Composed, role: Role, tile: Tile, start: int, end: int, kind: str) -> FaceSpan:
    share = made.face_share(tile)
    moves = kind in ("live", "frozen")
    boxes = [face_box(role, tile, at, share) for at in (range(start, end) if moves else (0,))]
    if kind == "avatar":
        boxes = [avatar_box(tile)]
    x, y, width, height = np.round(np.array(boxes).mean(axis=0), 1).tolist()
    return FaceSpan(
        start=to_grid(start / RATE),
        end=to_grid(end / RATE),
        box=(x, y, width, height),
        tile=(tile.x, tile.y, tile.width, tile.height),
    )
