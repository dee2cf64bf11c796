"""The Arrow schema of every table, as the contract lists it."""

from typing import Any, NamedTuple

import pyarrow as pa

from schemas.emotions import EMOTIONS

SCHEMA_VERSION = "4"

Row = dict[str, Any]
"""A row of a table as Arrow gives it: column -> value."""

SCORES = pa.struct([pa.field(name, pa.float32()) for name in EMOTIONS])

WORDS = pa.list_(
    pa.struct(
        [
            pa.field("word", pa.string()),
            pa.field("start", pa.float64()),
            pa.field("end", pa.float64()),
            pa.field("score", pa.float32()),
        ]
    )
)

CATEGORY = pa.dictionary(pa.int32(), pa.string())
TEXT_MAP = pa.map_(pa.string(), pa.string())


class Column(NamedTuple):
    """One column of a table and what it holds; one that is not `required` may be null."""

    name: str
    kind: pa.DataType
    about: str
    required: bool = True


_ANSWER: tuple[Column, ...] = (
    Column("emotion", CATEGORY, "one of the seven classes; null: unsure", required=False),
    Column(
        "confidence",
        pa.float32(),
        "calibrated probability of that class; null: unsure",
        required=False,
    ),
)

UTTERANCES: tuple[Column, ...] = (
    Column("recording_id", pa.string(), "first 16 hex digits of the SHA-256 of the content"),
    Column("recording_title", pa.string(), "title of the sidecar, else the file's name"),
    Column(
        "meeting_date",
        pa.date32(),
        "day of the meeting, from the sidecar, the container or the file",
        required=False,
    ),
    Column("utterance_index", pa.int32(), "number of the utterance in its recording, from 0"),
    Column("start", pa.float64(), "seconds from the start of the recording"),
    Column("end", pa.float64(), "seconds from the start of the recording"),
    Column("speaker", pa.string(), "label of the speaker; UNKNOWN for words far from every voice"),
    Column("speaker_name", pa.string(), "name, only where it is certain", required=False),
    Column("speaker_confidence", pa.float32(), "probability that the speaker is right, in [0, 1]"),
    Column(
        "overlap_ratio", pa.float32(), "share of the utterance in which somebody else speaks too"
    ),
    Column(
        "text", pa.string(), "the words; unsure ones are '...'; null without words", required=False
    ),
    Column("language", pa.string(), "BCP 47 language of the words", required=False),
    Column("words", WORDS, "each word with its start, end and score in [0, 1]"),
    *_ANSWER,
    Column(
        "scores",
        SCORES,
        "probabilities of all classes, fused; null where no branch could judge",
        required=False,
    ),
    Column("audio_scores", SCORES, "probabilities by the voice alone", required=False),
    Column("video_scores", SCORES, "probabilities by the face alone", required=False),
    Column("text_scores", SCORES, "probabilities by the words alone", required=False),
    Column("valence", pa.float32(), "mean position under `scores`, in [-1, 1]", required=False),
    Column("arousal", pa.float32(), "mean position under `scores`, in [-1, 1]", required=False),
    Column(
        "face_coverage",
        pa.float32(),
        "share of the sampled frames in which the speaker's face was seen",
    ),
    Column(
        "familiarity",
        pa.float32(),
        "share of strangers' voices that are at least as strange to the network; null: not known",
        required=False,
    ),
    Column("flags", pa.list_(pa.string()), "warnings, sorted"),
    Column("models", TEXT_MAP, "models that scored the row, by branch"),
)
"""One row per utterance, sorted by start."""

RECORDINGS: tuple[Column, ...] = (
    Column("recording_id", pa.string(), "first 16 hex digits of the SHA-256 of the content"),
    Column("title", pa.string(), "title of the sidecar, else the file's name"),
    Column("uris", pa.list_(pa.string()), "every address under which the content lies"),
    Column("meeting_date", pa.date32(), "day of the meeting", required=False),
    Column("duration", pa.float64(), "seconds that can be read"),
    Column("has_video", pa.bool_(), "whether there are moving pictures"),
    Column("width", pa.int32(), "of the picture, in pixels", required=False),
    Column("height", pa.int32(), "of the picture, in pixels", required=False),
    Column("fps", pa.float64(), "mean frame rate", required=False),
    Column("n_speakers", pa.int32(), "number of speakers"),
    Column("n_utterances", pa.int32(), "number of utterances"),
    Column("speech_seconds", pa.float64(), "sum of the utterances' lengths"),
    Column("language", pa.string(), "language of most utterances, BCP 47", required=False),
    Column("profile", pa.string(), "profile of the run"),
    Column("purpose", pa.string(), "purpose of the run"),
    Column("jurisdiction", pa.string(), "law that was applied: eu or other"),
    Column("context", pa.string(), "context that was applied"),
    Column("stage_seconds", pa.map_(pa.string(), pa.float64()), "wall seconds of each stage"),
    Column("peak_rss_mb", pa.float64(), "peak memory of the process, in MiB"),
    Column("realtime_factor", pa.float64(), "seconds of recording per second of work"),
    Column("tonescribe_version", pa.string(), "version that wrote the row"),
    Column("models", TEXT_MAP, "models that scored the recording, by branch"),
    Column("annotated_at", pa.timestamp("us", tz="UTC"), "when the row was written"),
)
"""One row per recording."""

REACTIONS: tuple[Column, ...] = (
    Column("recording_id", pa.string(), "first 16 hex digits of the SHA-256 of the content"),
    Column("meeting_date", pa.date32(), "day of the meeting", required=False),
    Column("utterance_index", pa.int32(), "the utterance that was listened to"),
    Column("start", pa.float64(), "of that utterance, seconds from the start of the recording"),
    Column("end", pa.float64(), "of that utterance, seconds from the start of the recording"),
    Column(
        "participant",
        pa.string(),
        "the speaker whose face it is, else FACE_00, FACE_01, ... within this recording",
    ),
    Column("participant_name", pa.string(), "name, only where it is certain", required=False),
    Column("seconds", pa.float64(), "how long the face was seen in the utterance"),
    Column("coverage", pa.float32(), "share of the sampled frames in which the face was seen"),
    Column(
        "scores",
        SCORES,
        "probabilities of all classes by the face; null where no picture could be judged",
        required=False,
    ),
    *_ANSWER,
    Column("valence", pa.float32(), "mean position under `scores`, in [-1, 1]", required=False),
    Column("arousal", pa.float32(), "mean position under `scores`, in [-1, 1]", required=False),
    Column("models", TEXT_MAP, "models that scored the row, by branch"),
)
"""One row per face that listened to an utterance, sorted by utterance and participant."""

INSIGHTS: tuple[Column, ...] = (
    Column("recording_id", pa.string(), "first 16 hex digits of the SHA-256 of the content"),
    Column("meeting_date", pa.date32(), "day of the meeting", required=False),
    Column("insight_index", pa.int32(), "number of the finding in its recording, from 0"),
    Column("kind", pa.string(), "departure, change, hotspot or reaction"),
    Column("start", pa.float64(), "seconds from the start of the recording"),
    Column("end", pa.float64(), "seconds from the start of the recording"),
    Column("speakers", pa.list_(pa.string()), "whom it is about; of a reaction, to whom first"),
    Column("speaker_names", pa.list_(pa.string()), "their names, null where not certain"),
    Column(
        "score",
        pa.float32(),
        "robust deviations (departure, hotspot), difference of valence (change), listeners "
        "(reaction)",
    ),
    Column("sentence", pa.string(), "what was expressed, in words"),
    Column("evidence", pa.list_(pa.int32()), "utterances on which it rests"),
)
"""One row per thing that stands out in a recording, against what is usual in it."""

CORRECTIONS: tuple[Column, ...] = (
    Column("id", pa.string(), "32 hex digits, drawn where the correction was made"),
    Column("who", pa.string(), "the reviewer"),
    Column("when", pa.timestamp("us", tz="UTC"), "when it was made"),
    Column("recording_id", pa.string(), "first 16 hex digits of the SHA-256 of the content"),
    Column("utterance_index", pa.int32(), "null: about a speaker everywhere", required=False),
    Column("start", pa.float64(), "of the utterance when it was corrected", required=False),
    Column("end", pa.float64(), "of the utterance when it was corrected", required=False),
    Column("speaker", pa.string(), "null: about one utterance", required=False),
    Column("field", pa.string(), "emotion, text, speaker or speaker_name"),
    Column("old", pa.string(), "value before; null: unsure, no words, no name", required=False),
    Column("new", pa.string(), "value after", required=False),
    Column("note", pa.string(), "the reviewer's", required=False),
    Column("undoes", pa.string(), "id of the correction that no longer holds", required=False),
)
"""One row per correction, in files that are only ever added. Not published with a recording."""

CORRECTIONS_SCHEMA = pa.schema(
    [pa.field(c.name, c.kind, nullable=not c.required) for c in CORRECTIONS]
)

COLUMNS: dict[str, tuple[Column, ...]] = {
    "utterances": UTTERANCES,
    "recordings": RECORDINGS,
    "reactions": REACTIONS,
    "insights": INSIGHTS,
}

TABLES: dict[str, pa.Schema] = {
    table: pa.schema([pa.field(c.name, c.kind, nullable=not c.required) for c in columns])
    for table, columns in COLUMNS.items()
}


def with_version(schema: pa.Schema) -> pa.Schema:
    """Return the schema with the version that stands in every file's metadata."""
    return schema.with_metadata({"tonescribe.schema_version": SCHEMA_VERSION})
