"""The Arrow schema of every table, as the contract lists it."""

import pyarrow as pa

from schemas.emotions import EMOTIONS

SCHEMA_VERSION = "1"

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


def _required(name: str, kind: pa.DataType) -> pa.Field:
    return pa.field(name, kind, nullable=False)


UTTERANCES = pa.schema(
    [
        _required("recording_id", pa.string()),
        _required("recording_title", pa.string()),
        pa.field("meeting_date", pa.date32()),
        _required("utterance_index", pa.int32()),
        _required("start", pa.float64()),
        _required("end", pa.float64()),
        _required("speaker", pa.string()),
        pa.field("speaker_name", pa.string()),
        _required("speaker_confidence", pa.float32()),
        _required("overlap_ratio", pa.float32()),
        pa.field("text", pa.string()),
        pa.field("language", pa.string()),
        _required("words", WORDS),
        pa.field("emotion", CATEGORY),
        pa.field("confidence", pa.float32()),
        pa.field("scores", SCORES),
        pa.field("audio_scores", SCORES),
        pa.field("video_scores", SCORES),
        pa.field("text_scores", SCORES),
        pa.field("valence", pa.float32()),
        pa.field("arousal", pa.float32()),
        _required("face_coverage", pa.float32()),
        _required("flags", pa.list_(pa.string())),
        _required("models", TEXT_MAP),
    ]
)
"""One row per utterance, sorted by start."""

RECORDINGS = pa.schema(
    [
        _required("recording_id", pa.string()),
        _required("title", pa.string()),
        _required("uris", pa.list_(pa.string())),
        pa.field("meeting_date", pa.date32()),
        _required("duration", pa.float64()),
        _required("has_video", pa.bool_()),
        pa.field("width", pa.int32()),
        pa.field("height", pa.int32()),
        pa.field("fps", pa.float64()),
        _required("n_speakers", pa.int32()),
        _required("n_utterances", pa.int32()),
        _required("speech_seconds", pa.float64()),
        pa.field("language", pa.string()),
        _required("profile", pa.string()),
        _required("purpose", pa.string()),
        _required("jurisdiction", pa.string()),
        _required("context", pa.string()),
        _required("stage_seconds", pa.map_(pa.string(), pa.float64())),
        _required("peak_rss_mb", pa.float64()),
        _required("realtime_factor", pa.float64()),
        _required("tonescribe_version", pa.string()),
        _required("models", TEXT_MAP),
        _required("annotated_at", pa.timestamp("us", tz="UTC")),
    ]
)
"""One row per recording."""

TABLES: dict[str, pa.Schema] = {"utterances": UTTERANCES, "recordings": RECORDINGS}


def with_version(schema: pa.Schema) -> pa.Schema:
    """Return the schema with the version that stands in every file's metadata."""
    return schema.with_metadata({"tonescribe.schema_version": SCHEMA_VERSION})
