"""Make clean studio speech sound like a meeting: rooms, noise, telephone, codecs, tempo.

Every function takes mono float32 samples at 16 kHz and a random generator, and changes neither.
"""

import io
from collections.abc import Sequence

import numpy as np

from models.audio.sound import at_tempo, frame_levels
from models.protocols import Samples
from schemas.values import SAMPLE_RATE

_SPEED = 0.1
_REVERBERATION = (0.15, 0.7)
"""Reverberation times in seconds, from a small office to a hall."""
_DIRECT_TO_REVERBERANT = (0.1, 0.6)
_NOISE_DECIBELS = (5.0, 35.0)
_TALKERS = 6
_LOW_EDGES, _HIGH_EDGES = (50.0, 300.0), (3300.0, 7000.0)
"""Hz between which the band of a telephone or a conference codec begins and ends."""


def like_a_meeting(samples: Samples, random: np.random.Generator) -> Samples:
    """Put a clip through a random room, noise, band and tempo; about one in four stays clean."""
    if random.random() < 0.5:
        samples = change_speed(samples, random)
    if random.random() < 0.3:
        samples = reverberate(samples, random)
    if random.random() < 0.5:
        samples = add_noise(samples, random)
    if random.random() < 0.2:
        samples = narrow_band(samples, random)
    return samples


def change_speed(samples: Samples, random: np.random.Generator) -> Samples:
    """Play up to a tenth faster or slower, pitch included: another speaker, the same emotion."""
    return at_tempo(samples, random.uniform(1 - _SPEED, 1 + _SPEED))


def reverberate(samples: Samples, random: np.random.Generator) -> Samples:
    """Convolve with a room: the direct sound and decaying noise (60 dB over its time)."""
    from scipy.signal import fftconvolve

    length = int(random.uniform(*_REVERBERATION) * SAMPLE_RATE)
    tail = random.standard_normal(length) * np.exp(-6.9 * np.arange(length) / length)
    tail *= random.uniform(*_DIRECT_TO_REVERBERANT) / np.sqrt((tail**2).sum())
    tail[0] = 1.0
    wet: Samples = fftconvolve(samples, tail)[: len(samples)].astype(np.float32)
    return wet


def colored_noise(length: int, random: np.random.Generator, tilt: float) -> Samples:
    """Noise of deviation 1 whose amplitude falls as frequency ** -tilt (0 white, 1 brown)."""
    spectrum = np.fft.rfft(random.standard_normal(length))
    spectrum /= (np.arange(len(spectrum)) + 20.0) ** tilt
    noise = np.fft.irfft(spectrum, length)
    return (noise / max(float(noise.std()), 1e-9)).astype(np.float32)


def add_noise(samples: Samples, random: np.random.Generator) -> Samples:
    """Add colored noise 5 to 35 dB under the speech."""
    noise = colored_noise(len(samples), random, random.uniform(0.0, 1.2))
    level = np.sqrt((samples.astype(np.float64) ** 2).mean())
    gain = level * 10 ** (-random.uniform(*_NOISE_DECIBELS) / 20)
    noisy: Samples = (samples + noise * gain).astype(np.float32)
    return noisy


def babble(
    samples: Samples, others: Sequence[Samples], decibels: float, random: np.random.Generator
) -> Samples:
    """Add six talkers drawn from other people's clips, `decibels` under the voiced parts.

    Raises `ValueError` where there is no other clip.
    """
    if not others:
        raise ValueError("Babble needs clips of other speakers; give some.")
    crowd = np.zeros(len(samples))
    for row in random.integers(len(others), size=_TALKERS):
        talker = others[row]
        start = int(random.integers(len(talker)))
        talk = np.resize(np.roll(talker, -start), len(samples))
        crowd += talk / max(_voiced_level(talker), 1e-6)
    crowd *= _voiced_level(samples) * 10 ** (-decibels / 20) / max(float(crowd.std()), 1e-6)
    return (samples + crowd).astype(np.float32)


def _voiced_level(samples: Samples) -> float:
    """Root mean square of the frames within 20 dB of the loudest twentieth."""
    levels = frame_levels(samples)
    if not len(levels):
        return 0.0
    voiced = levels[levels >= 0.1 * np.quantile(levels, 0.95)]
    return float(np.sqrt((voiced.astype(np.float64) ** 2).mean()))


def narrow_band(samples: Samples, random: np.random.Generator) -> Samples:
    """Take away what a telephone or a conference codec does not carry."""
    spectrum = np.fft.rfft(samples)
    hertz = np.linspace(0, SAMPLE_RATE / 2, len(spectrum))
    low, high = random.uniform(*_LOW_EDGES), random.uniform(*_HIGH_EDGES)
    spectrum[(hertz < low) | (hertz > high)] *= 0.01
    narrow: Samples = np.fft.irfft(spectrum, len(samples)).astype(np.float32)
    return narrow


def through_opus(samples: Samples, bits_per_second: int = 24_000) -> Samples:
    """Send samples through the codec of web meetings and back."""
    import av
    from av import AudioFrame, AudioResampler

    coded = io.BytesIO()
    with av.open(coded, "w", format="ogg") as container:
        # the least effort of the encoder: ten times faster, and what a busy client uses
        stream = container.add_stream(
            "libopus", rate=SAMPLE_RATE, layout="mono", options={"compression_level": "0"}
        )
        stream.bit_rate = bits_per_second
        pcm = (np.clip(samples, -1, 1) * 32767).astype(np.int16)[None]
        frame = AudioFrame.from_ndarray(pcm, format="s16", layout="mono")
        frame.sample_rate = SAMPLE_RATE
        for part in (frame, None):
            container.mux(stream.encode(part))
    coded.seek(0)
    resampler = AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE)
    with av.open(coded, "r") as decoder:
        frames = [f for d in (*decoder.decode(audio=0), None) for f in resampler.resample(d)]
    return np.concatenate([f.to_ndarray()[0] for f in frames]).astype(np.float32)


def crop(samples: Samples, length: int, random: np.random.Generator) -> Samples:
    """Cut a random piece of `length` samples out; a shorter clip stays whole."""
    if len(samples) <= length:
        return samples
    start = int(random.integers(len(samples) - length))
    return samples[start : start + length]


def no_voice(
    n_clips: int, seconds: tuple[float, float], random: np.random.Generator
) -> list[Samples]:
    """Make clips with nobody in them: noises, hums, chords, clicks, silence, of random lengths.

    A network trained on speech alone gives such sounds a confident emotion; these teach it not
    to. `seconds` are the shortest and the longest.
    """
    makers = (_noise, _chord, _clicks, _silence)
    return [
        makers[i % len(makers)](int(random.uniform(*seconds) * SAMPLE_RATE), random)
        for i in range(n_clips)
    ]


def _noise(length: int, random: np.random.Generator) -> Samples:
    return 0.1 * colored_noise(length, random, random.uniform(0.0, 1.5))


def _chord(length: int, random: np.random.Generator) -> Samples:
    """Return notes with overtones that begin and end: music to a speech encoder."""
    times = np.arange(length) / SAMPLE_RATE
    sound = np.zeros(length)
    for _ in range(int(random.integers(2, 10))):
        pitch = 55.0 * 2 ** (random.integers(0, 48) / 12)
        start, decay = random.uniform(0, times[-1]), random.uniform(0.2, 2.0)
        envelope = np.where(times >= start, np.exp(-(times - start) / decay), 0.0)
        for overtone in range(1, 6):
            sound += envelope * np.sin(2 * np.pi * pitch * overtone * times) / overtone
    return (0.1 * sound).astype(np.float32)


def _clicks(length: int, random: np.random.Generator) -> Samples:
    """Keys and knocks: short decaying bursts."""
    sound = np.zeros(length)
    for start in random.integers(0, max(1, length - 800), size=int(random.integers(3, 20))):
        burst = random.standard_normal(800) * np.exp(-np.arange(800) / random.uniform(20, 200))
        sound[start : start + 800] += burst[: length - start]
    return (0.2 * sound).astype(np.float32)


def _silence(length: int, random: np.random.Generator) -> Samples:
    """Return the hiss of an open microphone."""
    return (10 ** random.uniform(-4, -2) * random.standard_normal(length)).astype(np.float32)
