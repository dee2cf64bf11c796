"""Measure the plan of a night: `python benchmarks/planning.py [--recordings N] [--new N]`.

Prints seconds, requests and peak memory of the planning of a bucket of which nearly everything is
annotated, against moto's S3 server in a process of its own. A tenth of a per mille of the
manifests is newer than the index, as after a night of another machine; then the index is removed,
and the plan makes it anew from all manifests (`--rebuild`, which reads each of them).

The bucket is filled inside the server's process, by the call that its HTTP interface makes for a
PUT: 200,000 requests would take longer than all that is measured. Whatever planning itself reads
and lists goes through HTTP. moto sorts all keys of a bucket for each page of a thousand, which
costs a second per page with 100,000 keys whoever asks; the server here sorts them once. It shares
the processors with the plan, and takes most of them: .4 s for each page of a thousand keys. So the
last plan is against the same server with pages that are written without moto's serializer, at
about the speed of a real store.
"""

import argparse
import os
import resource
import signal
import subprocess
import sys
import time
from bisect import bisect_left, bisect_right
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.reporting import Report

BUCKET = "meetings"
QUICK = "nothing changed, with quick pages"
DAY = datetime(2026, 11, 20, tzinfo=UTC)


def main() -> None:
    """Start the server, fill it, and plan in a new process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recordings", type=int, default=100_000)
    parser.add_argument("--new", type=int, default=10)
    parser.add_argument("--port", type=int, default=5610)
    parser.add_argument("--rebuild", action="store_true")
    parser.add_argument("--report", type=Path, help="also write planning.md there")
    parser.add_argument("--part", choices=("serve", "seed", "plan"), help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.part:
        {"serve": serve, "seed": seed, "plan": measure}[chosen.part](chosen)
        return
    made_by = "python benchmarks/planning.py --report docs/reports/unattended"
    report = Report(chosen.report, "planning", "Planning a night with little new", made_by)
    given = [f"--recordings={chosen.recordings}", f"--new={chosen.new}", f"--port={chosen.port}"]
    own = os.environ | {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{chosen.port}",
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    command = [sys.executable, __file__, *given, "--part"]
    server = subprocess.Popen(
        [*command, "serve"],
        env=own,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # a line per request
        text=True,
    )
    try:
        assert server.stdout is not None
        for line in server.stdout:
            if line.startswith("ready"):
                break
        report.say(
            f"{chosen.recordings:,} recordings in a bucket, {chosen.new} new; each plan in a "
            "new process, against moto's S3 server on the same machine. Seconds and megabytes are "
            f"those of the plan's process, from the import of its first module. {load()}"
        )
        report.say()
        subprocess.run([*command, "seed"], env=own, check=True)
        plans = ["after a night of another machine", "again: nothing changed"]
        plans += ["without an index"] if chosen.rebuild else []
        plans += [QUICK]
        for title in plans:
            if title == QUICK:
                server.send_signal(signal.SIGUSR1)
            elif title == "without an index":
                subprocess.run([*command, "seed", "--rebuild"], env=own, check=True)
            before = used_by(server.pid)
            made = subprocess.run([*command, "plan"], env=own, check=True, stdout=subprocess.PIPE)
            report.say(
                f"* {title}: {made.stdout.decode().strip()}; the server took "
                f"{used_by(server.pid) - before:.1f} s of processor"
            )
        report.write()
    finally:
        server.terminate()


def load() -> str:
    """Say how much else runs here."""
    return f"Load of the machine at the start: {os.getloadavg()[0]:.1f}."


def used_by(process: int) -> float:
    """Return the processor seconds of a process."""
    import psutil

    used = psutil.Process(process).cpu_times()
    return float(used.user + used.system)


def key_of(number: int) -> str:
    """Name of one recording."""
    return f"rec/2026-{number % 12 + 1:02}/meeting-{number:06}.mp4"


def recording_id(number: int) -> str:
    """Id of one recording."""
    return f"{number * 2654435761 % 2**64:016x}"


def serve(chosen: argparse.Namespace) -> None:
    """Run the server with recordings and manifests."""
    from moto.s3.models import S3Backend, s3_backends
    from moto.server import ThreadedMotoServer

    S3Backend.list_objects_v2 = _list_sorted  # type: ignore[method-assign]
    signal.signal(signal.SIGUSR1, _write_quickly)
    backend: Any = s3_backends["123456789012"]["aws"]
    backend.create_bucket(BUCKET, "us-east-1")
    for number in range(chosen.recordings):
        backend.put_object(BUCKET, key_of(number), b"a recording", disable_notification=True)
    marks = marks_of_today()
    from schemas.manifest import Manifest, Source

    for number in range(chosen.recordings - chosen.new):
        manifest = Manifest(
            recording_id=recording_id(number),
            title=f"meeting-{number:06}",
            sources=(Source(uri=f"s3://{BUCKET}/{key_of(number)}", version=version(number)),),
            **marks.model_dump(),
            inputs="0" * 24,
            files={f"utterances/month=2026-11/{recording_id(number)}.parquet": "0" * 64},
            models={},
            notes=(),
            tonescribe_version="0",
            annotated_at=DAY,
        )
        content = manifest.model_dump_json(indent=2).encode()
        name = f"out/manifests/{manifest.recording_id}.json"
        backend.put_object(BUCKET, name, content, disable_notification=True)
    ThreadedMotoServer(ip_address="127.0.0.1", port=chosen.port).start()
    print("ready", flush=True)
    while True:
        time.sleep(3600)


_sorted: dict[str, list[str]] = {}


def _list_sorted(
    self: Any,
    bucket: Any,
    prefix: str | None,
    delimiter: str | None,
    continuation_token: str | None,
    start_after: str | None,
    max_keys: int,
) -> tuple[list[Any], bool, str | None]:
    """Do as moto does, with keys that are sorted once for each number of keys."""
    memo = f"{bucket.name} {len(bucket.keys)}"
    if memo not in _sorted:
        _sorted[memo] = sorted(bucket.keys)
    names, prefix = _sorted[memo], prefix or ""
    first = bisect_left(names, prefix)
    if continuation_token or start_after:
        last = self._pagination_tokens.get(continuation_token) or continuation_token or start_after
        first = bisect_right(names, last)
    some = [n for n in names[first : first + max_keys + 1] if n.startswith(prefix)]
    if delimiter:
        some = some[:max_keys]
    found = [bucket.keys[name] for name in some]
    result: tuple[list[Any], bool, str | None] = self._truncate_result(found, max_keys)
    return result


def _write_quickly(*_: object) -> None:
    """Let the server write the pages of a listing itself."""
    from moto.s3.responses import S3Response

    serialized = S3Response.serialized

    def page(self: Any, answer: Any) -> Any:
        is_list = self.data.get("Action") == "ListObjectsV2"
        if not is_list or "Delimiter" in answer.result:
            return serialized(self, answer)
        facts = dict(answer.result)
        contents = "".join(
            "<Contents>"
            + "".join(f"<{name}>{escape(str(value))}</{name}>" for name, value in each.items())
            + "</Contents>"
            for each in facts.pop("Contents")
        )
        facts["IsTruncated"] = str(facts["IsTruncated"]).lower()
        rest = "".join(f"<{name}>{escape(str(value))}</{name}>" for name, value in facts.items())
        space = "http://s3.amazonaws.com/doc/2006-03-01/"
        body = f'<ListBucketResult xmlns="{space}">{rest}{contents}</ListBucketResult>'
        return 200, {"Content-Type": "application/xml"}, body

    S3Response.serialized = page  # type: ignore[method-assign]


def marks_of_today() -> Any:
    """Return the marks of the settings that the plan has."""
    from flows.keys import marks
    from flows.options import AnnotateOptions

    return marks(AnnotateOptions(source="x", out="y", purpose="research").settings())


def version(number: int) -> str:
    """Version of one recording as the listing has it."""
    import hashlib

    from tasks.ingest.file_names import Object
    from tasks.ingest.listing import version_of

    content = b"a recording"
    token = f'"{hashlib.md5(content).hexdigest()}"'
    uri = f"s3://{BUCKET}/{key_of(number)}"
    return version_of([Object(uri, "", "", len(content), token)])


def seed(chosen: argparse.Namespace) -> None:
    """Write the index as the night before left it, or remove it."""
    from schemas.dataset import Dataset
    from tasks.dataset import index

    dataset = Dataset(f"s3://{BUCKET}/out", create=True)
    if chosen.rebuild:
        index.remove_index(dataset)
        return
    marks = marks_of_today()
    states = dict(index._states(dataset))
    lines: dict[str, Any] = {}
    for number in range(chosen.recordings - chosen.new):
        name = f"manifests/{recording_id(number)}.json"
        sources = ((f"s3://{BUCKET}/{key_of(number)}", version(number)),)
        known = index.Known(
            recording_id(number), sources, marks.fingerprint, marks.judged, marks.versions, False
        )
        lines[name] = (states[name], known)
    for name in list(lines)[: chosen.recordings // 10_000]:
        del lines[name]
    index._store(dataset, lines)


def measure(_: argparse.Namespace) -> None:
    """Plan and print."""
    began = time.perf_counter()
    import s3fs

    calls: Counter[str] = Counter()
    call = s3fs.S3FileSystem._call_s3

    async def counted(self: Any, method: str, *given: Any, **more: Any) -> Any:
        calls[method] += 1
        return await call(self, method, *given, **more)

    s3fs.S3FileSystem._call_s3 = counted
    s3fs.S3FileSystem.call_s3 = s3fs.core.sync_wrapper(counted)
    from flows.batch import plan_batch
    from flows.options import AnnotateOptions

    options = AnnotateOptions(
        source=f"s3://{BUCKET}/rec", out=f"s3://{BUCKET}/out", purpose="research"
    )
    batch = plan_batch(options)
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(
        f"{batch.plan.sentence}; {time.perf_counter() - began:.1f} s "
        f"({used.ru_utime + used.ru_stime:.1f} s of processor), {used.ru_maxrss // 1024} MB, "
        + ", ".join(f"{n} {name}" for name, n in sorted(calls.items())),
        flush=True,
    )


if __name__ == "__main__":
    main()
