"""Faults that a night may bring, each a patch of this process, and what must hold afterwards.

A run is forked, the fault strikes in the child, and the same command follows in the parent.
"""

import errno
import os
import signal
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

import flows.recording
import flows.steps
import tasks.dataset.index
import tasks.dataset.leases
import tasks.dataset.store
import tasks.ingest.fetch
from flows.cache import StageCache
from flows.stages import wanted_stages
from schemas.dataset import Dataset, open_dataset
from schemas.reports import BatchReport
from schemas.settings import Settings
from tasks.dataset.manifests import all_manifests
from tests.material.runs import annotate_plainly

OF_RUN = ("stage_seconds", "peak_rss_mb", "realtime_factor", "annotated_at")
"""Columns of `recordings` that differ between two runs."""


@dataclass(frozen=True)
class Fault:
    """A fault by name; `arm` patches the process in which it is to strike."""

    name: str
    arm: Callable[[], None]
    is_fatal: bool = True


def die() -> None:
    """End this process as the system does that kills it."""
    os.kill(os.getpid(), signal.SIGKILL)


def strike(owner: Any, name: str, turn: int, *, after: bool, hit: Callable[[], None] = die) -> None:
    """Let the call number `turn` of a function be hit, before or after its work."""
    work = getattr(owner, name)
    count = 0

    def call(*given: Any, **more: Any) -> Any:
        nonlocal count
        count += 1
        if count == turn and not after:
            hit()
        result = work(*given, **more)
        if count == turn and after:
            hit()
        return result

    setattr(owner, name, call)


def _at_stage(stage: str, *, after: bool) -> None:
    work = flows.recording.run_stage

    def call(which: Any, at_work: Any) -> Any:
        if which.name == stage and not after:
            die()
        result = work(which, at_work)
        if which.name == stage and after:
            die()
        return result

    flows.recording.run_stage = call


def _full_from(turn: int) -> None:
    """Fill the disk from the flush number `turn` on."""
    count = 0

    def full(_: int) -> None:
        nonlocal count
        count += 1
        if count >= turn:
            raise OSError(errno.ENOSPC, "No space left on device")

    os.fsync = full


def _gone_from(turn: int) -> None:
    """Let the storage fail from the write number `turn` on, for good."""

    def gone() -> None:
        def refuse(*_: Any) -> None:
            raise OSError(errno.EIO, "Input/output error")

        tasks.dataset.store.appear = refuse
        refuse()

    strike(tasks.dataset.store, "appear", turn, after=False, hit=gone)


def _slow() -> None:
    work = tasks.dataset.store.appear

    def slowly(*given: Any) -> None:
        time.sleep(0.1)
        work(*given)

    tasks.dataset.store.appear = slowly


def _kill(name: str, owner: Any, attribute: str, turn: int, *, after: bool) -> Fault:
    side = "after" if after else "before"
    return Fault(
        f"killed {side} {name} {turn}", lambda: strike(owner, attribute, turn, after=after)
    )


def _stage(stage: str, *, after: bool) -> Fault:
    side = "at the end of" if after else "before"
    return Fault(f"killed {side} {stage}", lambda: _at_stage(stage, after=after))


FAULTS: tuple[Fault, ...] = (
    *(
        _stage(stage.name, after=after)
        for stage in wanted_stages(Settings())
        for after in (False, True)
    ),
    *(
        _kill("file", tasks.dataset.store, "appear", turn, after=after)
        for turn in range(1, 8)
        for after in (False, True)
    ),
    *(_kill("filling", tasks.dataset.store, "_fill", turn, after=True) for turn in range(1, 8)),
    *(
        _kill("cache write", StageCache, "write", turn, after=after)
        for turn in (1, 5)
        for after in (False, True)
    ),
    *(_kill("rename", Path, "replace", turn, after=False) for turn in (1, 3, 8)),
    *(_kill("lease", tasks.dataset.leases, "swap", turn, after=True) for turn in (1, 2, 3)),
    *(_kill("index", tasks.dataset.index, "_store", 1, after=after) for after in (False, True)),
    _kill("fetch", tasks.ingest.fetch, "_digest", 1, after=True),
    *(
        Fault(f"disk full from flush {turn}", lambda turn=turn: _full_from(turn), is_fatal=False)
        for turn in range(1, 11)
    ),
    *(
        Fault(f"storage gone from file {turn}", lambda turn=turn: _gone_from(turn), is_fatal=False)
        for turn in range(1, 8)
    ),
    Fault("slow storage", _slow, is_fatal=False),
)
"""Every fault that is tried; `slow storage` harms nothing and must change nothing."""


def in_child(work: Callable[[], Any]) -> int:
    """Do something in a forked process; return its exit status, negative for a signal."""
    child = start_child(work)
    return ended(child)


def start_child(work: Callable[[], Any]) -> int:
    """Fork a process that does something and ends; return its id."""
    child = os.fork()
    if child == 0:
        try:
            work()
            os._exit(0)
        except BaseException:  # noqa: BLE001 - a child must not go on as its parent
            import traceback

            traceback.print_exc()
            os._exit(1)
    return child


def ended(child: int) -> int:
    """Wait for a forked process; return its exit status, negative for a signal."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@dataclass
class Outcome:
    """What a fault and the same command after it left."""

    lost: int = 0
    doubled: int = 0
    temporaries: int = 0
    loose: int = 0
    repeated: tuple[str, ...] = ()

    @property
    def is_clean(self) -> bool:
        """Whether nothing is to be complained of."""
        return self == Outcome()


class Bench:
    """A folder with recordings, and the rows of an undisturbed run over it."""

    def __init__(self, folder: Path, recordings: Path, expected: Path) -> None:
        self.recordings, self.dataset = recordings, folder / "dataset"
        self.expected = _rows(expected)
        self.cache, self.temporary = folder / "cache", folder / "tmp"
        self.temporary.mkdir(parents=True)
        os.environ["TONESCRIBE_CACHE"] = str(self.cache)
        tempfile.tempdir = str(self.temporary)

    def run(self) -> BatchReport:
        """Annotate the folder."""
        flows.steps.RETRY_DELAYS = (0.01, 0.02)
        return annotate_plainly(self.recordings, self.dataset)

    def suffer(self, fault: Fault) -> Outcome:
        """Run with a fault, look at what a reader sees, run again, and look again."""

        def work() -> None:
            fault.arm()
            self.run()

        status = in_child(work)
        assert status == (-signal.SIGKILL if fault.is_fatal else 0), (fault.name, status)
        outcome = Outcome(loose=self._loose())
        cached = {path.name.split("-")[0] for path in self.cache.glob("*/*")}
        report = self.run()
        for recording in report.recordings:
            again = cached & set(recording.ran) - {"split", "faces"}
            outcome.repeated += tuple(sorted(again)) if len(self._ids()) == 1 else ()
        self.check(outcome)
        return outcome

    def check(self, outcome: Outcome) -> None:
        """Compare the rows with those of an undisturbed run, and count what is left over."""
        found = _rows(self.dataset)
        outcome.lost = sum(row not in found for row in self.expected)
        outcome.doubled = len(found) - (len(self.expected) - outcome.lost)
        outcome.temporaries = len(self.temporaries())
        outcome.loose += self._loose()

    def temporaries(self) -> list[Path]:
        """Return what only a run at work may leave: hidden files, leases, scratch folders."""
        listed = {
            name
            for manifest in all_manifests(Dataset(str(self.dataset)))
            for name in manifest.files
        }
        tables = (f for t in ("utterances", "recordings") for f in self.dataset.glob(f"{t}/*/*"))
        return [
            *(p for root in (self.dataset, self.cache) for p in root.rglob(".*")),
            *self.dataset.glob("leases/*"),
            *self.temporary.iterdir(),
            *(f for f in tables if str(f.relative_to(self.dataset)) not in listed),
            *(Path(str(p.pid)) for p in psutil.Process().children(recursive=True)),
        ]

    def _ids(self) -> list[str]:
        return [path.name for path in self.cache.iterdir()]

    def _loose(self) -> int:
        """Count files of utterances that a reader of Parquet sees without their recording's."""
        return sum(
            not Path(str(file).replace("/utterances/", "/recordings/")).exists()
            for file in self.dataset.glob("utterances/*/*.parquet")
        )


def _rows(dataset: Path) -> list[dict[str, Any]]:
    """Return all rows of a dataset, in order, without what differs between runs."""
    opened = open_dataset(str(dataset))
    rows: list[dict[str, Any]] = []
    for table in ("recordings", "utterances"):
        table_rows = (
            opened.arrow(table)
            .to_table()
            .drop_columns([name for name in OF_RUN if table == "recordings"])
        )
        rows += table_rows.to_pylist()
    return sorted(rows, key=lambda row: (row["recording_id"], row.get("utterance_index", -1)))
