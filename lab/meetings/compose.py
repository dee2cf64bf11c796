"""Compose a meeting: choose people, draw turns, act them, and lay them out."""

import itertools
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np

from lab.meetings.acting import Manner, act
from lab.meetings.drawing import Look, Role, avatar_box, face_box
from lab.meetings.layouts import (
    CONDITIONS,
    LAYOUTS,
    RECIPES,
    Cast,
    Condition,
    LayoutPlan,
    Scene,
    Tile,
)
from lab.meetings.people import LOUD, RATE, PeopleSet, Person, Sound
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
class Recipe:
    """A layout under a condition, written `layout` or `layout+condition`."""

    layout: str
    condition: str = "clean"

    @classmethod
    def parse(cls, text: str) -> "Recipe":
        """Read a recipe; `SettingsError` where layout or condition is not known."""
        layout, _, condition = text.partition("+")
        if layout not in LAYOUTS:
            raise SettingsError(f"There is no layout '{layout}'; known are {', '.join(LAYOUTS)}.")
        if condition and condition not in CONDITIONS:
            raise SettingsError(
                f"There is no condition '{condition}'; known are {', '.join(CONDITIONS)}."
            )
        return cls(layout, condition or "clean")

    @property
    def plan(self) -> LayoutPlan:
        """The layout's plan."""
        return LAYOUTS[self.layout]

    @property
    def how(self) -> Condition:
        """The condition's options."""
        return CONDITIONS[self.condition]

    def name(self, seed: int) -> str:
        """Name the meeting's files."""
        return f"{self.layout}_{self.condition}_{seed}"


def recipes(chosen: Sequence[str]) -> list[Recipe]:
    """Return the recipes that are named; `*` stands for any part of a usual one's name."""
    found: list[str] = []
    for text in chosen or ["*"]:
        fits = [name for name in RECIPES if fnmatchcase(name, text)]
        found += fits if "*" in text else [text]
    return [Recipe.parse(text) for text in dict.fromkeys(found)]


@dataclass(frozen=True)
class Composed:
    """A meeting ready to be drawn: its truth, sound at 16 kHz, scenes, and roles by participant."""

    name: str
    recipe: Recipe
    truth: Truth
    sound: Sound
    scenes: tuple[Scene, ...]
    roles: Mapping[str, Role]

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

    `words` is AMI's table of manual words.
    """
    random = np.random.default_rng(
        [seed, zlib.crc32(f"{recipe.layout}+{recipe.condition}".encode())]
    )
    how, plan = recipe.how, recipe.plan
    n = round(seconds * RATE)
    dealt = draw_turns(words, seconds, plan.speakers, _LEAST_SPEECH * seconds, random)
    cast, absent = _cast(recipe, people, random)
    turns = {p.id: [] for p in cast}  # type: dict[str, list[tuple[int, int, RealTurn]]]
    for turn, voice in dealt:
        spans = turns[cast[voice].id]
        first = max(round(turn.start * RATE), spans[-1][1] + 1 if spans else 0)
        last = min(round(turn.end * RATE), n)
        if last - first >= _LEAST_TURN:
            spans.append((first, last, turn))
    roles: dict[str, Role] = {}
    mixed = np.zeros(n * SAMPLE_RATE // RATE, np.float32)
    for number, who in enumerate(cast):
        spans = [(first, last) for first, last, _ in turns[who.id]]
        manner = _MANNERS[number % len(_MANNERS)]
        script, sound = act(people[who.person], spans, n, manner, random)
        mixed += sound * 10 ** (random.uniform(*_GAINS_DB) / 20)
        roles[who.id] = Role(people[who.person], script, _look(who, random))
    _freeze(roles, cast, turns, how, n)
    still, _ = act(people[absent], [], 1, "calm", random)
    roles[_PHOTO] = Role(people[absent], still, Look(0.6, 0.5))
    said = sorted(
        (
            _true_turn(who, first, last, turn, how.delay, seconds)
            for who in turns
            for first, last, turn in turns[who]
        ),
        key=lambda turn: (turn.start, turn.participant),
    )
    width, height = plan.size
    shown = [who.id for who in cast if who.on_screen]
    seen = [(first / RATE, last / RATE, who) for who in turns for first, last, _ in turns[who]]
    scenes = plan.make(Cast(width, height, seconds, shown, sorted(seen), random))
    truth = Truth(
        layout=recipe.layout,
        n_tiles=max((len(scene.tiles) for scene in scenes), default=0),
        conditions=() if recipe.condition == "clean" else (recipe.condition,),
        people=chosen,
        seed=seed,
        duration=seconds,
        width=width,
        height=height,
        fps=how.fps,
        delay=how.delay,
        participants=tuple(cast),
        turns=tuple(said),
    )
    sound = _finished(mixed, how.delay, random)
    made = Composed(recipe.name(seed), recipe, truth, sound, tuple(scenes), roles)
    return replace(made, truth=truth.model_copy(update={"faces": _faces(made)}))


def _cast(
    recipe: Recipe, people: Mapping[str, Person], random: np.random.Generator
) -> tuple[list[Participant], str]:
    """Choose those who speak, then listeners until the tiles are full; and somebody absent."""
    plan, how = recipe.plan, recipe.how
    able = [name for name in people if people[name].talk]
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
    turns: Mapping[str, Sequence[tuple[int, int, RealTurn]]],
    how: Condition,
    n: int,
) -> None:
    if how.freezes is None:
        return
    talk = {w.id: sum(e - s for s, e, _ in turns[w.id]) for w in cast if w.on_screen}
    pick = max if how.freezes == "speaker" else min
    who = pick(talk, key=lambda name: talk[name])
    first, last = (round(share * n) for share in _FREEZES[how.freezes])
    roles[who] = replace(roles[who], script=roles[who].script.frozen(first, last))


def _true_turn(
    who: str, first: int, last: int, turn: RealTurn, delay: Seconds, seconds: Seconds
) -> TrueTurn:
    def heard(time: Seconds) -> Seconds:
        return to_grid(min(max(0.0, time + delay), seconds))

    words = tuple(
        TrueWord(start=heard(word.start), end=heard(word.end), text=word.text)
        for word in turn.words
    )
    return TrueTurn(start=heard(first / RATE), end=heard(last / RATE), participant=who, words=words)


def _finished(mixed: Sound, delay: Seconds, random: np.random.Generator) -> Sound:
    """Add faint noise, shift the sound, keep it from clipping."""
    shift = round(delay * SAMPLE_RATE)
    shifted = np.zeros_like(mixed)
    if shift >= 0:
        shifted[shift:] = mixed[: len(mixed) - shift]
    else:
        shifted[:shift] = mixed[-shift:]
    shifted += LOUD * 10 ** (_NOISE_DB / 20) * random.normal(size=len(mixed)).astype(np.float32)
    return shifted * np.float32(min(1.0, 0.9 / max(1e-6, float(np.abs(shifted).max()))))


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


def _pieces(first: int, last: int, still: np.ndarray) -> list[tuple[int, int]]:  # type: ignore[type-arg]
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
    x, y, width, height = (float(value) for value in np.round(np.mean(boxes, axis=0), 1))
    return FaceSpan(
        start=to_grid(start / RATE),
        end=to_grid(end / RATE),
        box=(x, y, width, height),
        tile=(tile.x, tile.y, tile.width, tile.height),
    )
