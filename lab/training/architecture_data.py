"""The data that an architecture is trained, calibrated and measured on, per branch.

One speaker in eight calibrates and is not trained on; the folds are the published ones. Stills
and texts keep their official parts, whose people nobody knows.
"""

import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from lab.corpora.class_sets import class_named, labels_of, refuse_absent
from lab.corpora.name_codes import WORDINGS
from lab.corpora.samples import sample_reader
from lab.corpora.splits import trainable
from lab.measures.fingerprints import fingerprint, fingerprint_of_pictures
from lab.training.card import origins
from lab.training.clips import classes_of, indices_of, keeps, limited, material_of, protocols_of
from lab.training.material import Material, Rows
from lab.training.options import TrainingOptions
from models.protocols import FaceSequence
from schemas.corpus import LabelledClip
from schemas.emotions import EMOTIONS
from schemas.errors import SettingsError
from schemas.settings import WeightSettings

if TYPE_CHECKING:
    from lab.corpora.texts import TextSplit


def read_material(
    branch: str,
    data: Path,
    options: TrainingOptions,
    languages: frozenset[str] | None = None,
    parts: Sequence[str] = (),
) -> Material:
    """Read what a branch is trained on from `data/speech`, `video` and `face`, or `text`.

    Of sounds the first ten seconds are taken, of texts those in some `languages`. Only samples of
    `classes_of(options)` are read. Where several branches are trained as one, `parts`, a sample is
    a mapping of them, of clips that have them all. Raises `SettingsError` where corpora are
    missing, too few for both sides, or without one of classes of one's own.
    """
    if branch == "text":
        material = _texts(data, options, languages)
    elif parts:
        material = _together(data, options, parts, languages)
    else:
        material = _READERS[branch](data, options)
    if "classes" in options.parameters:
        present = {material.classes[label] for label in material.labels}
        corpora = ", ".join(material.corpora) or str(data)
        refuse_absent(material.classes, present, material.known - present, corpora)
    if not len(material.train) or not len(material.validation):
        raise SettingsError(
            "Training needs labelled samples of at least two speakers, one of whom calibrates; "
            f"give more of {', '.join(material.corpora) or 'them'} under {data}."
        )
    return material


def _speech(data: Path, options: TrainingOptions) -> Material:
    from lab.corpora.samples import read_voice
    from lab.corpora.speech import read_speech
    from models.audio.embedded import LONGEST_WINDOW
    from models.audio.sound import windows

    everything = read_speech(data / "speech", options.corpora)
    clips = limited(trainable(everything, keeps(options)), options)
    found = material_of(
        "audio",
        clips,
        lambda row: windows(read_voice(clips[row]), LONGEST_WINDOW)[0],
        options,
        labels_of(everything),
    )
    measured = options.corpora or ("ravdess",)
    return replace(found, protocols=protocols_of(clips, measured, options))


def _worded(clip: LabelledClip) -> LabelledClip:
    """Return a clip with the sentence that its file name tells."""
    said = WORDINGS.get(clip.corpus, {}).get(clip.sentence or "")
    return clip if clip.text or said is None else clip.model_copy(update={"text": said})


def _together(
    data: Path, options: TrainingOptions, parts: Sequence[str], languages: frozenset[str] | None
) -> Material:
    """Clips that have the samples of every part: filmed ones, or sounds with their words."""
    from lab.corpora.speech import read_speech
    from lab.corpora.video import read_video
    from models.audio.embedded import LONGEST_WINDOW
    from models.audio.sound import windows

    names = options.corpora or (("ravdess",) if "video" in parts else ("iemocap",))
    if "video" in parts:
        found = [clip for name in names for clip in read_video(data / "video", name)]
    else:
        found = [*read_speech(data / "speech", names)]
    if "text" in parts:
        worded = [clip for clip in map(_worded, found) if clip.text]
        found = [clip for clip in worded if languages is None or clip.language in languages]
        if not found:
            raise SettingsError(
                f"Nobody knows the words of {', '.join(names)}; known are those of iemocap, "
                f"{', '.join(WORDINGS)}."
            )
    clips = limited(trainable(found, keeps(options)), options)
    readers = {part: sample_reader(part, WeightSettings()) for part in parts if clips}

    def read(row: int) -> dict[str, Any] | None:
        sample = {part: reader(clips[row]) for part, reader in readers.items()}
        if "audio" in sample:
            sample["audio"] = windows(sample["audio"], LONGEST_WINDOW)[0]
        return sample if all(own is not None for own in sample.values()) else None

    made = material_of("audio", clips, read, options, labels_of(found))
    measured = sorted({clip.corpus for clip in clips})
    return replace(made, protocols=protocols_of(clips, measured, options))


def _faces(data: Path, options: TrainingOptions) -> Material:
    """FER2013's stills as sequences of one frame, and filmed corpora where they are named."""
    filmed = [name for name in options.corpora if name != "fer2013"]
    videos = _videos(data, filmed, options)
    if options.corpora and "fer2013" not in options.corpora:
        return videos
    stills = _stills(data, options)
    return _joined(stills, videos) if filmed else stills


def _videos(data: Path, names: Sequence[str], options: TrainingOptions) -> Material:
    from lab.corpora.video import read_video

    own = dict.fromkeys(name.removesuffix("-video") for name in names)
    found = [clip for name in own for clip in read_video(data / "video", name)]
    clips = limited(trainable(found, keeps(options)), options)
    reader = sample_reader("video", WeightSettings()) if clips else None
    of_clips = material_of(
        "video",
        clips,
        lambda row: reader(clips[row]) if reader else None,
        options,
        labels_of(found),
    )
    measured = sorted({clip.corpus for clip in clips})
    return replace(of_clips, protocols=protocols_of(clips, measured, options))


def _stills(data: Path, options: TrainingOptions) -> Material:
    from lab.corpora.faces import read_fer2013

    classes = classes_of(options)
    named = [class_named(emotion, emotion, classes) for emotion in EMOTIONS]
    places = np.array([-1 if name is None else classes.index(name) for name in named])
    images: list[NDArray[np.uint8]] = []
    labels: list[int] = []
    rows: list[Rows] = []
    parts: tuple[Literal["Training", "PublicTest", "PrivateTest"], ...]
    parts = ("Training", "PublicTest", "PrivateTest")
    for usage in parts:
        faces = read_fer2013(data / "face" / "fer2013.parquet", usage)
        faces = faces.take(np.flatnonzero(places[faces.labels] >= 0))
        drawn = np.random.default_rng(options.seed).permutation(len(faces))[: options.limit]
        rows.append(np.arange(len(images), len(images) + len(drawn)))
        images += list(faces.images[np.sort(drawn)])
        labels += places[faces.labels[np.sort(drawn)]].tolist()
    nought = np.zeros(1, dtype=np.float32)
    return Material(
        read=lambda row: FaceSequence(images[row][np.newaxis], nought),
        labels=np.array(labels),
        speakers=("",) * len(images),
        origins=(("fer2013", ""),) * len(images),
        train=rows[0],
        validation=rows[1],
        tests={"fer2013 PrivateTest": rows[2]},
        corpora=("fer2013",),
        classes=classes,
        fingerprint=lambda row: fingerprint_of_pictures([images[row]]),
    )


def _joined(first: Material, second: Material) -> Material:
    shift = len(first.labels)
    return Material(
        read=lambda row: first.read(row) if row < shift else second.read(row - shift),
        labels=np.concatenate([first.labels, second.labels]),
        speakers=first.speakers + second.speakers,
        origins=first.origins + second.origins,
        train=np.concatenate([first.train, second.train + shift]),
        validation=np.concatenate([first.validation, second.validation + shift]),
        tests=first.tests,
        protocols={name: own.after(shift) for name, own in second.protocols.items()},
        corpora=first.corpora + second.corpora,
        classes=first.classes,
        known=first.known | second.known,
        fingerprint=lambda row: (
            first.fingerprint(row) if row < shift else second.fingerprint(row - shift)
        ),
    )


def _texts(data: Path, options: TrainingOptions, languages: frozenset[str] | None) -> Material:
    """Official parts: texts of one emotion are trained on, dev calibrates, test is reported."""
    from lab.corpora.samples import read_words
    from lab.corpora.texts import TextSplit, corpus_named, read_texts

    keep, known = keeps(options), frozenset[str]()
    clips: list[LabelledClip] = []
    tests: dict[str, Rows] = {}
    sides: dict[str, list[int]] = {"train": [], "dev": []}
    parts: tuple[TextSplit, ...] = ("train", "dev", "test")
    for name in options.corpora or ("goemotions",):
        corpus = corpus_named(name)
        spoken = [own for own in corpus.languages if languages is None or own in languages]
        read = {part: read_texts(data / "text", corpus, part, spoken) for part in parts}
        for part, found in _with_dev(read).items():
            known |= labels_of(found)
            own = limited([clip for clip in found if keep(clip)], options)
            rows = list(range(len(clips), len(clips) + len(own)))
            clips += own
            if part == "test":
                tests[f"{name} test"] = np.array(rows, dtype=np.int64)
            else:
                sides[part] += rows
    return Material(
        read=lambda row: read_words(clips[row]),
        labels=indices_of(clips, classes_of(options)),
        speakers=("",) * len(clips),
        origins=tuple(origins(clips)),
        train=np.array(sides["train"], dtype=np.int64),
        validation=np.array(sides["dev"], dtype=np.int64),
        tests=tests,
        corpora=tuple(options.corpora or ("goemotions",)),
        classes=classes_of(options),
        known=known,
        fingerprint=lambda row: fingerprint("text", clips[row]),
    )


def _with_dev(
    parts: "dict[TextSplit, list[LabelledClip]]",
) -> "dict[TextSplit, list[LabelledClip]]":
    """Let a tenth of the training part calibrate where a corpus has no dev, as IMDB; by words."""
    from lab.corpora.texts import fingerprint

    if parts["dev"]:
        return parts
    sides: dict[bool, list[LabelledClip]] = {True: [], False: []}
    for clip in parts["train"]:
        sides[zlib.crc32(fingerprint(clip.text or "").encode()) % 10 == 0].append(clip)
    return parts | {"train": sides[False], "dev": sides[True]}


_READERS: dict[str, Callable[[Path, TrainingOptions], Material]] = {
    "audio": _speech,
    "video": _faces,
}
