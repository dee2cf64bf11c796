"""The Arrow schema is held against the contract's tables, written down here by hand."""

import pyarrow as pa

from schemas.emotions import EMOTIONS
from schemas.tables import TABLES

SCORES = pa.struct([(name, pa.float32()) for name in EMOTIONS])
WORD = pa.struct(
    [
        ("word", pa.string()),
        ("start", pa.float64()),
        ("end", pa.float64()),
        ("score", pa.float32()),
    ]
)

CONTRACT_UTTERANCES = {
    "recording_id": pa.string(),
    "recording_title": pa.string(),
    "meeting_date": pa.date32(),
    "utterance_index": pa.int32(),
    "start": pa.float64(),
    "end": pa.float64(),
    "speaker": pa.string(),
    "speaker_name": pa.string(),
    "speaker_confidence": pa.float32(),
    "overlap_ratio": pa.float32(),
    "text": pa.string(),
    "language": pa.string(),
    "words": pa.list_(WORD),
    "emotion": pa.dictionary(pa.int32(), pa.string()),
    "confidence": pa.float32(),
    "scores": SCORES,
    "audio_scores": SCORES,
    "video_scores": SCORES,
    "text_scores": SCORES,
    "valence": pa.float32(),
    "arousal": pa.float32(),
    "face_coverage": pa.float32(),
    "familiarity": pa.float32(),
    "flags": pa.list_(pa.string()),
    "models": pa.map_(pa.string(), pa.string()),
}

CONTRACT_RECORDINGS = {
    "recording_id": pa.string(),
    "title": pa.string(),
    "uris": pa.list_(pa.string()),
    "meeting_date": pa.date32(),
    "duration": pa.float64(),
    "has_video": pa.bool_(),
    "width": pa.int32(),
    "height": pa.int32(),
    "fps": pa.float64(),
    "n_speakers": pa.int32(),
    "n_utterances": pa.int32(),
    "speech_seconds": pa.float64(),
    "language": pa.string(),
    "profile": pa.string(),
    "purpose": pa.string(),
    "jurisdiction": pa.string(),
    "context": pa.string(),
    "stage_seconds": pa.map_(pa.string(), pa.float64()),
    "peak_rss_mb": pa.float64(),
    "realtime_factor": pa.float64(),
    "tonescribe_version": pa.string(),
    "models": pa.map_(pa.string(), pa.string()),
    "annotated_at": pa.timestamp("us", tz="UTC"),
}

CONTRACT_REACTIONS = {
    "recording_id": pa.string(),
    "meeting_date": pa.date32(),
    "utterance_index": pa.int32(),
    "start": pa.float64(),
    "end": pa.float64(),
    "participant": pa.string(),
    "participant_name": pa.string(),
    "seconds": pa.float64(),
    "coverage": pa.float32(),
    "scores": SCORES,
    "emotion": pa.dictionary(pa.int32(), pa.string()),
    "confidence": pa.float32(),
    "valence": pa.float32(),
    "arousal": pa.float32(),
    "models": pa.map_(pa.string(), pa.string()),
}

NULLABLE = {
    "meeting_date",
    "speaker_name",
    "participant_name",
    "text",
    "language",
    "emotion",
    "confidence",
    "scores",
    "audio_scores",
    "video_scores",
    "text_scores",
    "familiarity",
    "valence",
    "arousal",
    "width",
    "height",
    "fps",
}


def test_emotions_are_the_seven_of_the_contract() -> None:
    assert EMOTIONS == ("neutral", "happy", "sad", "angry", "fearful", "disgust", "surprised")


def test_utterances_has_the_columns_of_the_contract_in_order() -> None:
    assert (
        dict(zip(TABLES["utterances"].names, TABLES["utterances"].types, strict=True))
        == CONTRACT_UTTERANCES
    )
    assert list(CONTRACT_UTTERANCES) == TABLES["utterances"].names


def test_recordings_has_the_columns_of_the_contract_in_order() -> None:
    assert (
        dict(zip(TABLES["recordings"].names, TABLES["recordings"].types, strict=True))
        == CONTRACT_RECORDINGS
    )
    assert list(CONTRACT_RECORDINGS) == TABLES["recordings"].names


def test_reactions_has_the_columns_of_the_contract_in_order() -> None:
    assert (
        dict(zip(TABLES["reactions"].names, TABLES["reactions"].types, strict=True))
        == CONTRACT_REACTIONS
    )
    assert list(CONTRACT_REACTIONS) == TABLES["reactions"].names


def test_only_what_can_be_unknown_is_nullable() -> None:
    for schema in TABLES.values():
        assert {f.name for f in schema if f.nullable} == NULLABLE & set(schema.names)
