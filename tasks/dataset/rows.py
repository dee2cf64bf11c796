"""Turn an annotation into the rows of the tables and into Parquet files."""

import io
from collections.abc import Sequence
from datetime import datetime
from importlib.metadata import version

from schemas.annotation import Annotation
from schemas.emotions import EmotionScores
from schemas.tables import TABLES, Row, with_version
from schemas.values import to_grid

ROW_GROUP = 65_536


def utterance_rows(annotation: Annotation) -> list[Row]:
    """Return the rows of the table `utterances`, in order of their start."""
    recording, day = annotation.recording, annotation.meeting_date
    return [
        {
            "recording_id": recording.recording_id,
            "recording_title": recording.shown_title,
            "meeting_date": day,
            "utterance_index": row.utterance.index,
            "start": to_grid(row.utterance.start),
            "end": to_grid(row.utterance.end),
            "speaker": row.utterance.speaker,
            "speaker_name": row.utterance.speaker_name,
            "speaker_confidence": row.utterance.speaker_confidence,
            "overlap_ratio": row.utterance.overlap_ratio,
            "text": row.utterance.text,
            "language": row.utterance.language,
            "words": [
                {"word": w.word, "start": to_grid(w.start), "end": to_grid(w.end), "score": w.score}
                for w in row.utterance.words
            ],
            "emotion": row.emotion,
            "confidence": row.confidence,
            "scores": _scores(row.scores),
            "audio_scores": _scores(row.audio_scores),
            "video_scores": _scores(row.video_scores),
            "text_scores": _scores(row.text_scores),
            "valence": row.valence,
            "arousal": row.arousal,
            "face_coverage": row.face_coverage,
            "familiarity": row.familiarity,
            "flags": list(row.flags),
            "models": list(row.models.items()),
        }
        for row in annotation.utterances
    ]


def reaction_rows(annotation: Annotation) -> list[Row]:
    """Return the rows of the table `reactions`, in order of utterance and participant."""
    spoken = {row.utterance.index: row.utterance for row in annotation.utterances}
    model = annotation.reactions.model
    return [
        {
            "recording_id": annotation.recording.recording_id,
            "meeting_date": annotation.meeting_date,
            "utterance_index": row.utterance_index,
            "start": to_grid(spoken[row.utterance_index].start),
            "end": to_grid(spoken[row.utterance_index].end),
            "participant": row.participant,
            "participant_name": row.participant_name,
            "seconds": to_grid(row.seconds),
            "coverage": row.coverage,
            "scores": _scores(row.scores),
            "emotion": row.emotion,
            "confidence": row.confidence,
            "valence": row.valence,
            "arousal": row.arousal,
            "models": [("video", model)] if model else [],
        }
        for row in annotation.reactions.rows
    ]


def recording_row(annotation: Annotation, uris: Sequence[str], annotated_at: datetime) -> Row:
    """Return the one row of the table `recordings`; `uris` are all addresses of the content."""
    recording, media, facts = annotation.recording, annotation.media, annotation.facts
    utterances = [row.utterance for row in annotation.utterances]
    languages = [u.language for u in utterances if u.language]
    return {
        "recording_id": recording.recording_id,
        "title": recording.shown_title,
        "uris": sorted(uris),
        "meeting_date": annotation.meeting_date,
        "duration": to_grid(media.duration),
        "has_video": media.has_video,
        "width": media.video.width if media.video else None,
        "height": media.video.height if media.video else None,
        "fps": media.video.fps if media.video else None,
        "n_speakers": len(annotation.speakers),
        "n_utterances": len(utterances),
        "speech_seconds": to_grid(sum(u.duration for u in utterances)),
        "language": max(languages, key=languages.count) if languages else None,
        "profile": annotation.settings.profile,
        "purpose": annotation.policy.purpose,
        "jurisdiction": annotation.policy.jurisdiction,
        "context": annotation.policy.context,
        "stage_seconds": list(facts.stage_seconds.items()),
        "peak_rss_mb": facts.peak_rss_mb,
        "realtime_factor": media.duration / facts.wall_seconds,
        "tonescribe_version": version("tonescribe"),
        "models": list(annotation.models.items()),
        "annotated_at": annotated_at,
    }


def _scores(scores: EmotionScores | None) -> dict[str, float] | None:
    return scores.model_dump() if scores else None


def parquet_bytes(table: str, rows: Sequence[Row]) -> bytes:
    """Return one table as a Parquet file: zstandard, row groups of at most 64 k rows."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    data = pa.Table.from_pylist(list(rows), schema=with_version(TABLES[table]))
    buffer = io.BytesIO()
    pq.write_table(data, buffer, compression="zstd", row_group_size=ROW_GROUP)
    return buffer.getvalue()
