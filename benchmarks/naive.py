"""tonescribe against the same models glued as one would without it, in one run.

    python benchmarks/naive.py [FOLDER] [--recordings 2] [--seconds 60]

The glue loads all models for each recording, decodes the whole video, finds faces in every frame
and judges one utterance at a time. Both use two threads and read the same recordings.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any


def naive(recording: Path, settings: Any) -> int:
    """Annotate one recording the obvious way; return the count of judged utterances."""
    import av
    import numpy as np

    from models.protocols import FaceSequence, SpeakerHints, TextSample
    from schemas.sidecar import Sidecar
    from tasks.ingest.fetch import fetch
    from tasks.ingest.find import find_recordings
    from tasks.media.probe import probe
    from tasks.media.split import WavFile, split
    from tasks.transcript.transcribe import transcribe
    from tasks.transcript.utterances import make_utterances

    with tempfile.TemporaryDirectory() as scratch:
        item = fetch(find_recordings(str(recording))[0], Path(scratch))
        media = split(item, probe(item.path, settings), settings, Path(scratch))
        assert media.audio_path is not None
        sound = WavFile(media.audio_path)
        turns = _fresh("diarizer", settings).diarize(sound, SpeakerHints())
        words = transcribe(item, sound, turns, settings)
        utterances = make_utterances(turns, words, settings, Sidecar())
        detector = _fresh("face_detector", settings)
        faces: list[tuple[float, Any]] = []
        with av.open(item.path) as container:
            for frame in container.decode(video=0):
                picture = frame.to_ndarray(format="bgr24")
                found = detector.detect(picture)[:1]
                faces.extend((float(frame.time), _crop(picture, box)) for box in found)
        audio, video, text = (_fresh(job, settings) for job in ("audio", "video", "text"))
        fusion = _fresh("fusion", settings)
        for u in utterances:
            nothing = np.full((1, 7), np.nan, np.float32)
            seen = [crop for at, crop in faces if u.start <= at < u.end]
            times = np.arange(len(seen), dtype=np.float32)
            scores = {
                "audio": audio.score([sound.read(u.start, u.end)]),
                "video": video.score([FaceSequence(np.stack(seen), times)]) if seen else nothing,
                "text": text.score([TextSample(u.text, "en")]) if u.text else nothing,
            }
            fusion.fuse(scores)
        return len(utterances)


def _fresh(job: str, settings: Any) -> Any:
    from models.registry import load_engine

    return load_engine.__wrapped__(job, settings.engine(job), settings.weights)


def _crop(picture: Any, box: Any) -> Any:
    import cv2

    from models.faces.crops import cut_face

    return cut_face(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), box)


def ours(recordings: list[Path], settings: Any) -> int:
    """Run the same recordings through the stages of tonescribe."""
    from flows.stages import wanted_stages
    from flows.work import Work
    from schemas.policy import Policy
    from tasks.ingest.fetch import fetch
    from tasks.ingest.find import find_recordings

    judged = 0
    for recording in recordings:
        with tempfile.TemporaryDirectory() as scratch:
            item = fetch(find_recordings(str(recording))[0], Path(scratch))
            work = Work(item, settings, Policy.decide(settings), Path(scratch))
            for stage in wanted_stages(settings):
                setattr(work, stage.gives, stage.run(work))
            judged += len(work.annotated)
    return judged


def main() -> None:
    """Run both and print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--recordings", type=int, default=2)
    parser.add_argument("--seconds", type=int, default=60)
    options = parser.parse_args()
    from benchmarks.recordings import meeting
    from flows.annotate import check_engines
    from schemas.settings import load_settings

    folder = options.folder or Path(tempfile.mkdtemp())
    recording = meeting(folder, options.seconds, video=True)
    recordings = [recording] * options.recordings
    settings = load_settings({"purpose": "benchmark"})
    check_engines(settings)  # both find the packages imported
    begun = time.perf_counter()
    count = ours(recordings, settings)
    quick = time.perf_counter() - begun
    begun = time.perf_counter()
    assert sum(naive(each, settings) for each in recordings) == count
    slow = time.perf_counter() - begun
    length = options.seconds * options.recordings
    print(
        f"{options.recordings} recordings of {options.seconds} s at 720p, {count} utterances, "
        f"{os.cpu_count()} cores"
    )
    print(f"tonescribe  {quick:8.1f} s  {length / quick:6.1f}x real time")
    print(f"naive glue  {slow:8.1f} s  {length / slow:6.1f}x real time")
    print(f"ratio       {slow / quick:8.1f}")


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent.parent))
    main()
