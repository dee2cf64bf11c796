"""Voices of the free speech synthesisers, for training a recogniser only.

Formant (espeak-ng), diphone (mbrola, festival, flite's kal), unit (pico) and statistical voices
(rhvoice, flite's awb, rms and slt). MBROLA's voices of other languages read English with their own
sounds: accents. None of these programs is needed to run tonescribe.
"""

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models.audio.sound import at_tempo
from models.protocols import Samples
from schemas.errors import SettingsError
from schemas.values import SAMPLE_RATE

_LONGEST_RUN = 60
_MBROLA = Path("/usr/share/mbrola")
_RHVOICE = Path("/usr/share/RHVoice/voices")
_TEMPO = (0.86, 1.16)
"""Replayed slower or faster, pitch and formants included: other people with the same voice."""


@dataclass(frozen=True)
class Voice:
    """A voice of an engine by the engine's own name for it."""

    engine: str
    name: str

    def __str__(self) -> str:
        """`engine/name`, as tables show it."""
        return f"{self.engine}/{self.name}"


@dataclass(frozen=True)
class _Engine:
    """A program, its voices with what they need on disk, and its command line.

    `command(voice, rate, pitch, text_file, wav_file)`: rate and pitch are factors around 1.
    """

    program: str
    package: str
    share: float
    voices: Mapping[str, Path | None]
    command: Callable[[str, float, float, str, str], list[str]]
    by_stdin: bool = False


def _espeak(voice: str, rate: float, pitch: float, text: str, wav: str) -> list[str]:
    speed, tone = str(int(165 * rate)), str(int(np.clip(50 * pitch**2, 15, 95)))
    return ["espeak-ng", "-v", voice, "-s", speed, "-p", tone, "-f", text, "-w", wav]


def _flite(voice: str, rate: float, pitch: float, text: str, wav: str) -> list[str]:
    del pitch  # the voices sound broken where their pitch is forced
    stretch = f"duration_stretch={1 / rate:.3f}"
    return ["flite", "-voice", voice, "--setf", stretch, "-f", text, "-o", wav]


def _festival(voice: str, rate: float, pitch: float, text: str, wav: str) -> list[str]:
    del pitch
    scheme = f"(begin (voice_{voice}) (Parameter.set 'Duration_Stretch {1 / rate:.3f}))"
    return ["text2wave", text, "-o", wav, "-eval", scheme]


def _pico(voice: str, rate: float, pitch: float, text: str, wav: str) -> list[str]:
    said = Path(text).read_text(encoding="utf-8").replace("&", "and")
    speed, tone = int(100 * rate), int(100 * pitch)
    marked = f'<speed level="{speed}"><pitch level="{tone}">{said}</pitch></speed>'
    return ["pico2wave", "-l", voice, "-w", wav, marked]


def _rhvoice(voice: str, rate: float, pitch: float, text: str, wav: str) -> list[str]:
    del text
    speed, tone = str(int(100 * rate)), str(int(100 * pitch))
    return ["RHVoice-test", "-p", voice, "-r", speed, "-t", tone, "-o", wav]


_ACCENTS = (
    "af1 de1 de2 de3 de4 de5 de6 fr1 fr4 gr2 hu1 nl2 pl1 ro1 sw1 sw2",
    "us1 us2 us3 en1",
)
_FORMANTS = ("en-us", "en-gb", "en-gb-scotland", "en-gb-x-gbcwmd", "en-029", "en-us-nyc")
_TIMBRES = ("", "+f2", "+f4", "+m3", "+m5", "+m7")

ENGINES: Mapping[str, _Engine] = {
    "rhvoice": _Engine(
        "RHVoice-test",
        "rhvoice rhvoice-english",
        0.24,
        {name: _RHVOICE / name for name in ("alan", "bdl", "clb", "slt", "evgeniy-eng", "lyubov")},
        _rhvoice,
        by_stdin=True,
    ),
    "mbrola": _Engine(
        "espeak-ng",
        "mbrola mbrola-us1 mbrola-us2 mbrola-us3 mbrola-en1 ...",
        0.28,
        {f"mb-{name}-en": _MBROLA / name for name in _ACCENTS[0].split()}
        | {f"mb-{name}": _MBROLA / name for name in _ACCENTS[1].split()},
        _espeak,
    ),
    "flite": _Engine("flite", "flite", 0.18, dict.fromkeys(("kal16", "awb", "rms", "slt")), _flite),
    "pico": _Engine(
        "pico2wave", "libttspico-utils", 0.12, dict.fromkeys(("en-US", "en-GB")), _pico
    ),
    "festival": _Engine(
        "text2wave",
        "festival festvox-kdlpc16k festvox-rablpc16k festvox-us-slt-hts",
        0.08,
        {
            name: Path("/usr/share/festival/voices", group, name)
            for group, name in (
                ("english", "ked_diphone"),
                ("english", "rab_diphone"),
                ("us", "cmu_us_slt_arctic_hts"),
            )
        },
        _festival,
    ),
    "espeak": _Engine(
        "espeak-ng",
        "espeak-ng",
        0.10,
        dict.fromkeys(name + timbre for name in _FORMANTS for timbre in _TIMBRES),
        _espeak,
    ),
}
"""Engine -> how it speaks; the shares are of the time spoken: those most like people most."""

UNHEARD: tuple[Voice, ...] = (
    Voice("rhvoice", "clb"),
    Voice("flite", "rms"),
    Voice("mbrola", "mb-us3"),
    Voice("mbrola", "mb-fr1-en"),
    Voice("espeak", "en-gb+m7"),
)
"""Never trained on: they speak the validation set."""


def voices_here() -> dict[Voice, float]:
    """Return the voices of the installed programs and their shares of the time.

    Raises `SettingsError` where no engine is installed.
    """
    here: dict[Voice, float] = {}
    for name, engine in ENGINES.items():
        if shutil.which(engine.program) is None:
            continue
        voices = [
            Voice(name, voice)
            for voice, needs in engine.voices.items()
            if needs is None or needs.exists()
        ]
        here |= {voice: engine.share / len(voices) for voice in voices}
    if not here:
        packages = ", ".join(engine.package for engine in ENGINES.values())
        raise SettingsError(f"No speech synthesiser is installed; Debian's packages: {packages}.")
    return here


def speak(text: str, voice: Voice, random: np.random.Generator) -> Samples:
    """Let a voice say a text at a random rate, pitch and tempo; mono float32 at 16 kHz.

    Returns no samples where the program fails on this text.
    """
    engine = ENGINES[voice.engine]
    rate, pitch = random.uniform(0.85, 1.3), random.uniform(0.85, 1.2)
    tempo = random.uniform(*_TEMPO)
    with tempfile.TemporaryDirectory() as folder:
        said, wav = Path(folder, "said.txt"), Path(folder, "said.wav")
        said.write_text(text + "\n", encoding="utf-8")
        command = engine.command(voice.name, rate, pitch, str(said), str(wav))
        try:
            subprocess.run(
                command,
                input=text.encode() if engine.by_stdin else None,
                capture_output=True,
                timeout=_LONGEST_RUN,
                check=True,
            )
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
            return np.zeros(0, np.float32)
        samples = _read(wav) if wav.is_file() else np.zeros(0, np.float32)
    return at_tempo(samples, tempo) if len(samples) else samples


def _read(wav: Path) -> Samples:
    """A WAV file at any rate as 16 kHz mono, its silent ends cut."""
    import math

    from scipy.io import wavfile
    from scipy.signal import resample_poly

    try:
        rate, data = wavfile.read(wav)
    except ValueError:
        return np.zeros(0, np.float32)
    samples = np.asarray(data, np.float32) / 32768
    samples = samples.mean(axis=1) if samples.ndim > 1 else samples
    common = math.gcd(rate, SAMPLE_RATE)
    if rate != SAMPLE_RATE and len(samples):
        samples = resample_poly(samples, SAMPLE_RATE // common, rate // common)
    loud = np.flatnonzero(np.abs(samples) > 0.004)
    trimmed: Samples = (
        samples[loud[0] : loud[-1] + 1].astype(np.float32) if len(loud) else np.zeros(0, np.float32)
    )
    return trimmed


def choose(
    voices: Mapping[Voice, float], left_out: Sequence[Voice], random: np.random.Generator
) -> Voice:
    """Draw a voice by its share, none of those left out."""
    names = [voice for voice in voices if voice not in left_out]
    shares = np.array([voices[voice] for voice in names])
    return names[int(random.choice(len(names), p=shares / shares.sum()))]
