"""Clips that wait to be annotated: one after the other, each visible to whoever brought it."""

import queue
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Literal, Protocol

from flows.batch import check_engines, plan_batch, run_batch, run_plainly
from flows.options import AnnotateOptions
from flows.progress import Event, Progress, listening
from schemas.errors import ResourceError, TonescribeError
from schemas.reports import BatchReport
from schemas.values import Value

State = Literal["waiting", "working", "done", "failed"]

_MOST_WAITING = 20
_MOST_REMEMBERED = 500


class Clip(Value):
    """Where one clip stands. `place` is how many are before it, `done` in [0, 1] what is behind.

    `recording_id` is where it can be looked at once it is done, `sentence` why it failed.
    """

    clip_id: str
    name: str
    state: State = "waiting"
    place: int = 0
    stage: str | None = None
    done: float = 0.0
    recording_id: str | None = None
    sentence: str | None = None

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will change."""
        return self.state in ("done", "failed")


class Annotator(Protocol):
    """Annotates files one by one."""

    def prepare(self) -> None:
        """Load what is needed before the first file comes."""

    def annotate(self, path: Path, listen: Callable[[Event], None]) -> BatchReport:
        """Annotate one file, telling `listen` of its progress."""


class HereAnnotator:
    """Annotates in this process, where models stay loaded, without Prefect."""

    def __init__(self, options: AnnotateOptions) -> None:
        self._options = options.model_copy(update={"server": "none", "workers": 1})

    def prepare(self) -> None:
        """Load the engines. Raises `WeightsError` where one cannot be."""
        check_engines(self._options.settings())

    def annotate(self, path: Path, listen: Callable[[Event], None]) -> BatchReport:
        """Annotate one file. Raises `TonescribeError` where that cannot begin."""
        batch = plan_batch(self._options.model_copy(update={"source": str(path)}))
        with listening(listen):
            return run_batch(batch, run_plainly)


class Clips:
    """A queue with one worker. Methods may be called from any thread."""

    def __init__(self, annotator: Annotator) -> None:
        """Take what annotates; it prepares itself in the background at once."""
        self._annotator = annotator
        self._lock = threading.Condition()
        self._clips: OrderedDict[str, Clip] = OrderedDict()
        self._owners: dict[str, str] = {}
        self._paths: queue.SimpleQueue[tuple[str, Path]] = queue.SimpleQueue()
        threading.Thread(target=self._work, name="annotate", daemon=True).start()

    def add(self, path: Path, name: str, owner: str) -> Clip:
        """Put a file at the end. Raises `ResourceError` where too many wait."""
        with self._lock:
            waiting = sum(not clip.has_ended for clip in self._clips.values())
            if waiting >= _MOST_WAITING:
                raise ResourceError("Too many clips wait already; try again later.")
            clip = Clip(clip_id=secrets.token_hex(8), name=name, place=waiting)
            self._clips[clip.clip_id] = clip
            self._owners[clip.clip_id] = owner
            self._forget_old()
        self._paths.put((clip.clip_id, path))
        return clip

    def of(self, owner: str) -> list[Clip]:
        """Return the clips that somebody brought, the newest first."""
        with self._lock:
            mine = [self._clips[each] for each, who in self._owners.items() if who == owner]
        return mine[::-1]

    def get(self, clip_id: str, owner: str) -> Clip | None:
        """Return a clip; None for those of others, too."""
        with self._lock:
            return self._clips.get(clip_id) if self._owners.get(clip_id) == owner else None

    def changed(self, before: Clip, owner: str, timeout: float) -> Clip | None:
        """Wait until a clip is another than before, or for `timeout` seconds; return it."""
        with self._lock:
            self._lock.wait_for(lambda: self._clips.get(before.clip_id) != before, timeout)
        return self.get(before.clip_id, owner)

    def _forget_old(self) -> None:
        for clip_id in [c.clip_id for c in self._clips.values() if c.has_ended]:
            if len(self._clips) <= _MOST_REMEMBERED:
                return
            del self._clips[clip_id], self._owners[clip_id]

    def _work(self) -> None:
        # what is wrong with an engine is told by the first clip that needs it
        with suppress(TonescribeError):
            self._annotator.prepare()
        while True:
            clip_id, path = self._paths.get()
            self._update(clip_id, state="working", place=0)
            self._update(clip_id, **self._outcome(clip_id, path))
            with self._lock:
                for clip in [c for c in self._clips.values() if c.state == "waiting"]:
                    self._clips[clip.clip_id] = clip.model_copy(update={"place": clip.place - 1})
                self._lock.notify_all()

    def _outcome(self, clip_id: str, path: Path) -> dict[str, object]:
        def listen(event: Event) -> None:
            if isinstance(event, Progress):
                self._update(clip_id, stage=event.stage, done=event.done)

        try:
            report = self._annotator.annotate(path, listen)
        except TonescribeError as error:
            return {"state": "failed", "sentence": error.sentence}
        except Exception as error:  # noqa: BLE001 - the next clip must not suffer
            return {"state": "failed", "sentence": f"It failed ({type(error).__name__})."}
        made = next((r for r in report.recordings if r.recording_id), None)
        if made is not None and made.outcome in ("annotated", "known"):
            return {"state": "done", "done": 1.0, "recording_id": made.recording_id}
        sentence = made.sentence if made else None
        return {"state": "failed", "sentence": sentence or "Nothing in it could be annotated."}

    def _update(self, clip_id: str, **changes: object) -> None:
        with self._lock:
            self._clips[clip_id] = self._clips[clip_id].model_copy(update=changes)
            self._lock.notify_all()
