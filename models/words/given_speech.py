"""Voice activity that is known already, in the shape that whisperX asks for.

Imported only where whisperX is. The turns of the diarizer say where there is speech; whisperX's
own detector would be a second opinion, unpickled from a file.
"""

from collections.abc import Sequence
from typing import Any

from whisperx.vads import Vad

from schemas.values import Seconds


class GivenSpeech(Vad):  # type: ignore[misc]
    """Tells whisperX the chunks of the window that it transcribes next."""

    def __init__(self) -> None:
        super().__init__(vad_onset=0.5)  # asked for by the base, used by nobody
        self.chunks: Sequence[tuple[Seconds, Seconds]] = ()

    def __call__(self, audio: Any) -> Sequence[tuple[Seconds, Seconds]]:  # noqa: ARG002
        """Return the chunks, in seconds from the window's start."""
        return self.chunks

    @staticmethod
    def preprocess_audio(audio: Any) -> Any:
        """Leave the samples as they are: nobody looks at them."""
        return audio

    @staticmethod
    def merge_chunks(
        segments: Sequence[tuple[Seconds, Seconds]],
        chunk_size: Seconds,  # noqa: ARG004
        onset: float,  # noqa: ARG004
        offset: float | None,  # noqa: ARG004
    ) -> list[dict[str, Any]]:
        """Keep the chunks: they are joined already."""
        return [{"start": start, "end": end, "segments": []} for start, end in segments]
