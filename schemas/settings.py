"""All settings: `tonescribe.toml`, then `TONESCRIBE_*`, then the command line; later wins."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, PositiveFloat, PositiveInt, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from schemas.errors import SettingsError
from schemas.faults import describe_validation, unknown_key
from schemas.sidecar import Context, Jurisdiction
from schemas.values import BCP_47, Probability, Seconds, Value

Profile = Literal["embedded", "standard"]
Artifacts = Literal["summary", "full", "none"]
Runner = Literal["here", "processes", "ray", "workers"]

_PREFIX = "TONESCRIBE_"


class EngineSettings(Value):
    """Which engine does each job; empty means the profile's choice."""

    diarizer: str = Field("", description="who speaks when")
    transcriber: str = Field("", description="words, where there are no captions")
    face_detector: str = Field("", description="faces in pictures")
    active_speaker: str = Field("", description="whose face speaks")
    audio: str = Field("", description="emotion from the voice")
    video: str = Field("", description="emotion from the face")
    text: str = Field("", description="emotion from the words")
    fusion: str = Field("", description="the branches joined")


PROFILES: dict[Profile, EngineSettings] = {
    "embedded": EngineSettings(
        diarizer="embedded",
        transcriber="embedded",
        face_detector="auto",
        active_speaker="embedded",
        audio="embedded",
        video="embedded",
        text="embedded",
        fusion="embedded",
    ),
    "standard": EngineSettings(
        diarizer="community-1",
        transcriber="whisper",
        face_detector="auto",
        active_speaker="embedded",
        audio="wav2vec2",
        video="embedded",
        text="transformer",
        fusion="embedded",
    ),
}
"""A profile is a named set of defaults; every engine is a setting of its own."""


class WeightSettings(Value):
    """Where weights that do not come with tonescribe are found: folders or hub names."""

    folder: str = Field(
        "",
        description="networks of `tonescribe weights` as FOLDER/NAME/FILE; empty: share/tonescribe "
        "of the installation",
    )
    diarizer: str = Field(
        "pyannote/speaker-diarization-community-1", description="folder or hub name of a pipeline"
    )
    transcriber: str = Field(
        "", description="folder in CTranslate2's format, a network's name, or a hub name"
    )
    face_detector: str = Field("", description="another file of YuNet; empty: the shipped one")
    active_speaker: str = Field(
        "", description="folder with lightASD.onnx and lossAV.onnx, for light-asd"
    )
    audio: str = Field("", description="a .safetensors file, or a folder or hub name for wav2vec2")
    video: str = Field("", description="a .safetensors file")
    text: str = Field(
        "", description="a .safetensors file, or a folder or hub name for transformer"
    )
    fusion: str = Field("", description="a .safetensors file")
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="where networks run")
    compute: Literal["auto", "small"] = Field(
        "auto", description="small: let the transcriber compute in 8 bits on a GPU, too"
    )
    batch_size: PositiveInt = Field(16, description="samples that a network takes at once")
    allow_hub: bool = Field(False, description="let the standard profile download from the hub")


class SpeakerSettings(Value):
    """What is known of the speakers; a sidecar's counts win for its recording."""

    exactly: PositiveInt | None = Field(None, description="number of speakers")
    at_least: PositiveInt | None = Field(None, description="fewest speakers")
    at_most: PositiveInt | None = Field(None, description="most speakers")
    enrolled: str = Field(
        "",
        description="folder of clips by which voices are named: `Ana García.wav`, or a folder "
        "`Ana García` of several; empty: voices are not compared with anybody's",
    )

    @model_validator(mode="after")
    def _refuse_contradiction(self) -> Self:
        low, high = self.at_least or 1, self.at_most or 10**6
        if low > high or not low <= (self.exactly or low) <= high:
            raise ValueError("the counts of speakers contradict each other")
        return self


class UtteranceSettings(Value):
    """How words become utterances."""

    max_pause: Seconds = Field(0.8, gt=0, description="a longer pause ends an utterance")
    max_length: Seconds = Field(30.0, gt=0, description="a longer run of words is cut")
    max_word: Seconds = Field(1.0, gt=0, description="a longer word is capped before attribution")
    min_word_confidence: Probability = Field(
        0.3,
        description="words that are less likely to be right are shown as '...'; only where the "
        "recogniser's scores are calibrated",
    )


class FaceSettings(Value):
    """How faces are sampled."""

    frames_per_second: PositiveFloat = Field(5.0, description="crops of a face that are judged")
    motion_per_second: PositiveFloat = Field(
        12.5, description="frames in which faces are followed and mouths compared"
    )
    min_confidence: Probability = Field(
        0.5, description="a face less likely to be the speaker's is nobody's"
    )
    min_size: PositiveInt = Field(24, description="smallest face in pixels of the original")


class VoiceSettings(Value):
    """How voices are judged."""

    own_baseline: bool = Field(
        True, description="score utterances relative to how their speaker usually sounds"
    )


class VideoSettings(Value):
    """How faces are judged."""

    own_baseline: bool = Field(
        True, description="score faces relative to how their person usually looks"
    )


class JudgeSettings(Value):
    """When an utterance is judged at all, and when the answer is an honest "unsure"."""

    min_seconds: Seconds = Field(0.5, description="shorter utterances are not judged by voice")
    max_overlap: Probability = Field(0.5, description="more overlap: not judged by voice")
    min_confidence: Probability = Field(
        0.5,
        description="a lower confidence abstains: an emotion is named when it is likelier "
        "than all others together",
    )


class MeetingSettings(Value):
    """How rare emotions are in meetings; scores are corrected for it."""

    expected_neutral: Probability = Field(
        0.7,
        description="share of neutral utterances that is expected; scores are corrected for the "
        "shares of each recording, 0 leaves them uncorrected",
    )
    expected_weight: float = Field(
        20.0, ge=0, description="utterances that this expectation counts as"
    )


class LimitSettings(Value):
    """Deadlines and sizes; a recording beyond them is quarantined with a sentence."""

    probe_seconds: PositiveFloat = Field(60.0, description="longest time to probe a container")
    split_seconds_per_minute: PositiveFloat = Field(
        20.0, description="longest time to decode a minute of sound"
    )
    max_hours: PositiveFloat = Field(12.0, description="longest recording")
    max_streams: PositiveInt = Field(64, description="most audio streams of a recording")
    max_pixels: PositiveInt = Field(36_000_000, description="largest picture; 8K has 33 million")
    max_frames: PositiveInt = Field(
        6_000_000, description="most pictures of a recording; 12 hours at 120 a second have 5"
    )
    stage_seconds_per_minute: PositiveFloat = Field(
        600.0,
        description="longest time of a stage per minute of recording; at least ten minutes",
    )
    fetch_seconds_per_gigabyte: PositiveFloat = Field(
        3600.0, description="longest time to fetch a gigabyte; at least ten minutes"
    )


class RaySettings(Value):
    """Where recordings run with `runner = "ray"`, and what each reserves there."""

    address: str = Field(
        "",
        description="an existing cluster, 'auto' or ray://HOST:10001; empty: one on this machine, "
        "for the run",
    )
    cpus: PositiveFloat = Field(1.0, description="processors that a recording reserves")
    gpus: float = Field(0.0, ge=0, description="share of a GPU that a recording reserves")


class Settings(BaseSettings):
    """Everything that a run depends on. Frozen; unknown keys are an error."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX,
        env_nested_delimiter="__",
        toml_file="tonescribe.toml",
        extra="forbid",
        frozen=True,
    )

    source: str | None = Field(None, description="what a deployment annotates: folder or URL")
    out: str | None = Field(None, description="the dataset of a deployment: folder or URL")
    server: Literal["auto", "none"] = Field(
        "auto", description="none: run without Prefect; auto: a temporary server if none is set"
    )
    artifacts: Artifacts = Field(
        "summary",
        description="what Prefect is given to show. summary: ids, counts and times; full: names, "
        "titles and transcripts as well; none: no artifacts",
    )
    profile: Profile = Field("embedded", description="named set of engines")
    captions: Literal["auto", "ignore"] = Field(
        "auto", description="auto: captions beside a recording win over the transcriber"
    )
    language: str | None = Field(None, pattern=BCP_47, description="language of the speech, BCP 47")
    languages: tuple[Annotated[str, Field(pattern=BCP_47)], ...] = Field(
        (), description="where no language is given, it is one of these; empty: any"
    )
    language_changes: bool = Field(
        False, description="find the language for each piece of a recording, not once"
    )
    purpose: str | None = Field(None, description="required: what the annotation is for")
    purpose_note: str | None = Field(None, description="free text beside the purpose")
    jurisdiction: Jurisdiction = Field("other", description="law that applies")
    context: Context = Field("unspecified", description="where the meeting takes place")
    dataset_mode: Literal["umask", "private"] = Field(
        "umask", description="private: on a disk nobody but the owner can read the dataset"
    )
    settle_seconds: float = Field(
        0.0,
        ge=0,
        description="a recording of a folder or bucket that changed within so many seconds is "
        "still being uploaded: the next run takes it; 300 suits a nightly run",
    )
    runner: Runner = Field(
        "processes",
        description="where recordings are annotated. here: one by one in this process; processes: "
        "in as many processes as `workers` says; ray: on a Ray cluster; workers: by Prefect "
        "workers, in runs of annotate-recordings/many",
    )
    workers: PositiveInt = Field(
        1, description="recordings that are annotated at the same time with processes"
    )
    cache: Path = Field(
        default_factory=lambda: Path.home() / ".cache" / "tonescribe",
        description="results of stages by content; holds words, delete it as you would transcripts",
    )
    engines: EngineSettings = EngineSettings()
    weights: WeightSettings = WeightSettings()
    speakers: SpeakerSettings = SpeakerSettings()
    utterances: UtteranceSettings = UtteranceSettings()
    faces: FaceSettings = FaceSettings()
    voice: VoiceSettings = VoiceSettings()
    video: VideoSettings = VideoSettings()
    judge: JudgeSettings = JudgeSettings()
    meeting: MeetingSettings = MeetingSettings()
    limits: LimitSettings = LimitSettings()
    ray: RaySettings = RaySettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order the sources: command line, environment, file."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)

    def engine(self, job: str) -> str:
        """Name of the engine for a job: the setting, else the profile's choice."""
        chosen: str = getattr(self.engines, job) or getattr(PROFILES[self.profile], job)
        return chosen

    def as_environment(self) -> dict[str, str]:
        """Return what is set, as variables for a process elsewhere that reads no file of ours."""
        given = self.model_dump(mode="json", exclude_unset=True, exclude_none=True)
        return {
            f"{_PREFIX}{name.upper()}": value if isinstance(value, str) else json.dumps(value)
            for name, value in given.items()
        }


def load_settings(overrides: Mapping[str, Any] | None = None) -> Settings:
    """Read the settings; `overrides` are the command line's and win.

    Raises `SettingsError` with one sentence that names the key and the nearest known one.
    """
    _refuse_unknown_environment()
    try:
        return Settings(**dict(overrides or {}))
    except ValidationError as error:
        raise SettingsError(describe_validation(error, Settings)) from error
    except ValueError as error:
        raise SettingsError(f"tonescribe.toml cannot be read: {error}.") from error


def _refuse_unknown_environment() -> None:
    for variable in os.environ:
        if variable.startswith(_PREFIX):
            key = variable.removeprefix(_PREFIX).lower().split("__")[0]
            if key not in Settings.model_fields:
                raise SettingsError(unknown_key(variable, key, Settings.model_fields))
