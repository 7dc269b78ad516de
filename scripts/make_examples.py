"""Make the app's other examples: assets/audio/voice.ogg, whistle.ogg and hum.ogg.

All are synthetic. ddsp's oscillator and filtered noise play three tunes in the public domain, with
the glides, vibrato and breath of someone making music without an instrument. The voice takes its
vowels and consonants from espeak-ng, which speaks each syllable once. Because the pitch is known
exactly, the script checks what `features.extract` finds against it.

    python scripts/make_examples.py
"""

import subprocess

import numpy as np
import soundfile
from scipy.ndimage import gaussian_filter1d

from ddsp_course import _paths, _tensorflow, audio, features
from ddsp_course.units import FRAME_RATE, HOP_SIZE, SAMPLE_RATE, midi_to_hz

OUT = _paths.ASSETS / "audio"
BINS = np.linspace(0, SAMPLE_RATE / 2, 257)  # Hz; frequency axis of all envelopes
N_HARMONICS = 60
PEAK = 0.6
REST = None

# (MIDI pitch, beats, syllable).
BOAT = [  # "Row, row, row your boat", 1852
    (60, 1.5, "row"), (60, 1.5, "row"), (60, 1, "row"), (62, 0.5, "your"), (64, 1.5, "boat"),
    (REST, 0.5, ""), (64, 1, "gent"), (62, 0.5, "lee"), (64, 1, "down"), (65, 0.5, "the"),
    (67, 2.5, "stream"),
]  # fmt: skip
SAINTS = [  # "When the saints go marching in", traditional
    (79, 1, ""), (83, 1, ""), (84, 1, ""), (86, 3.5, ""), (REST, 0.5, ""),
    (79, 1, ""), (83, 1, ""), (84, 1, ""), (86, 2, ""), (83, 2, ""), (79, 2, ""), (83, 2, ""),
    (81, 3.5, ""),
]  # fmt: skip
GRACE = [  # "New Britain" (Amazing grace), 1829
    (50, 1, ""), (55, 2, ""), (59, 0.5, ""), (55, 0.5, ""), (59, 2, ""), (57, 1, ""),
    (55, 2, ""), (52, 1, ""), (50, 2, ""),
]  # fmt: skip


def curves(rng, notes, beat_s, glide_s, vibrato_semitones, vibrato_hz=5.4):
    """Return a performance's pitch and level at 250 Hz.

    Args:
      rng: NumPy generator.
      notes: list of (MIDI pitch or None, beats, syllable).
      beat_s: seconds per beat.
      glide_s: duration of the glide from note to note.
      vibrato_semitones: depth of the vibrato, reached half a second into a note.
      vibrato_hz: rate of the vibrato.

    Returns:
      f0_hz: (n_frames,).
      is_on: (n_frames,) 0..1, rising and falling at the ends of phrases.
      spans: list of (first frame, end, syllable) for the notes.
    """
    edges = np.cumsum([0.25, *(beats * beat_s for _, beats, _ in notes), 0.25])
    n_frames = int(edges[-1] * FRAME_RATE)
    spans = [
        (int(start * FRAME_RATE), int(end * FRAME_RATE), syllable)
        for start, end, (_, _, syllable) in zip(edges, edges[1:], notes, strict=False)
    ]
    midi, is_on = np.full(n_frames, np.nan), np.zeros(n_frames)
    vibrato = np.zeros(n_frames)
    for (start, end, _), (pitch, _, _) in zip(spans, notes, strict=True):
        if pitch is not None:
            midi[start:end], is_on[start:end] = pitch, 1
            since_s = np.arange(end - start) / FRAME_RATE
            vibrato[start:end] = vibrato_semitones * np.clip((since_s - 0.25) / 0.3, 0, 1)
    known = np.flatnonzero(~np.isnan(midi))
    # During a rest, which is silent, the last pitch continues.
    midi = midi[known[np.maximum(np.searchsorted(known, np.arange(n_frames), "right") - 1, 0)]]
    time_s = np.arange(n_frames) / FRAME_RATE
    midi = gaussian_filter1d(midi, glide_s * FRAME_RATE / 2)
    midi += gaussian_filter1d(vibrato, 20) * np.sin(2 * np.pi * vibrato_hz * time_s)
    # A slow drift of about 8 cents, because nobody holds a pitch exactly.
    midi += 0.08 * 5 * gaussian_filter1d(rng.standard_normal(n_frames), 40)
    sounding = [span for span, note in zip(spans, notes, strict=True) if note[0] is not None]
    return midi_to_hz(midi), gaussian_filter1d(is_on, 6), sounding


def swell(n_frames, spans, is_on, attack_s=0.06):
    """Return a level (n_frames,): each note starts softly, swells and then fades a little."""
    level = np.ones(n_frames)
    for start, end, _ in spans:
        since_s = np.arange(end - start) / FRAME_RATE
        level[start:end] = (0.45 + 0.55 * np.clip(since_s / attack_s, 0, 1)) * np.exp(-since_s / 4)
    return is_on * gaussian_filter1d(level, 5)


def play(rng, f0_hz, envelope, noise):
    """Synthesise harmonics with a spectral envelope, and filtered noise: (n_frames * 64,).

    Args:
      f0_hz: (n_frames,).
      envelope, noise: (n_frames, 257), magnitudes of harmonics and noise at `BINS`.
    """
    ddsp = _tensorflow.load_ddsp()
    n_samples = len(f0_hz) * HOP_SIZE
    hz = f0_hz[:, None] * np.arange(1, N_HARMONICS + 1)
    amplitudes = np.stack([np.interp(h, BINS, e) for h, e in zip(hz, envelope, strict=True)])
    amplitudes *= hz < 0.48 * SAMPLE_RATE
    played = ddsp.core.harmonic_synthesis(
        np.float32(f0_hz[None, :, None]),
        np.ones((1, len(f0_hz), 1), np.float32),
        harmonic_distribution=np.float32(amplitudes[None]),
        n_samples=n_samples,
        sample_rate=SAMPLE_RATE,
        use_angular_cumsum=True,
    )
    white = rng.standard_normal((1, n_samples)).astype(np.float32)
    hiss = ddsp.core.frequency_filter(white, np.float32(noise[None]), window_size=512)
    return np.asarray(played)[0] + np.asarray(hiss)[0]


def speak(syllable):
    """Return a syllable spoken by espeak-ng, (n_samples,) at 16 kHz, trimmed at both ends."""
    command = ["espeak-ng", "-v", "en-gb+f2", "-s", "120", "-p", "45", "--stdout", syllable]
    said = audio.load(subprocess.run(command, check=True, capture_output=True).stdout)
    loud = np.flatnonzero(np.abs(said) > 0.08 * np.abs(said).max())
    return said[loud[0] : loud[-1]]


def analyse(said):
    """Return a syllable's spectral envelope (n, 257) and how voiced it is (n,) in 0..1."""
    import librosa

    power = np.abs(librosa.stft(said, n_fft=512, hop_length=HOP_SIZE)) ** 2
    # The first 1.5 ms of the cepstrum describe the envelope, which varies slowly over frequency.
    cepstrum = np.fft.irfft(np.log(power + 1e-9), axis=0)
    cepstrum[24:-24] = 0
    envelope = np.exp(np.fft.rfft(cepstrum, axis=0).real / 2).T
    # Vowels and voiced consonants lie low; s and t lie high.
    low, high = power[BINS < 1200].sum(axis=0), power[BINS > 2500].sum(axis=0)
    return envelope, gaussian_filter1d((low > high).astype(float), 2)


def stretch(n, wanted):
    """Return frame indices (wanted,) that stretch a syllable of n frames, but not its ends."""
    head, tail = min(25, n // 3, wanted // 3), min(25, n // 3, wanted // 3)
    middle = np.linspace(head, n - tail - 1, wanted - head - tail)
    return np.concatenate([np.arange(head), middle, np.arange(n - tail, n)]).astype(int)


def voice():
    """Sing a tune with words; return (n_samples,), f0_hz and how voiced it is (n_frames,)."""
    rng = np.random.default_rng(1)
    f0_hz, is_on, spans = curves(rng, BOAT, 0.56, 0.07, 0.35)
    envelope, voiced = np.zeros((len(f0_hz), len(BINS))), np.zeros(len(f0_hz))
    for start, end, syllable in spans:
        spoken, has_pitch = analyse(speak(syllable))
        places = stretch(len(spoken), end - start)
        # Singers hold the level of a vowel, so its range in dB is reduced to 40 % of speech.
        level = np.sqrt((spoken**2).sum(axis=1, keepdims=True))
        spoken *= (level / level.max()) ** 0.4 / np.maximum(level, 1e-6)
        envelope[start:end], voiced[start:end] = spoken[places], has_pitch[places]
    envelope = gaussian_filter1d(envelope, 4, axis=0) * swell(len(f0_hz), spans, is_on)[:, None]
    voiced = gaussian_filter1d(voiced, 3)
    # Consonants are noise; vowels also get a little noise above 3 kHz.
    breath = 0.25 / (1 + np.exp(-(BINS - 3500) / 500))
    share = np.maximum(1 - voiced[:, None], breath * voiced[:, None])
    return (
        play(rng, f0_hz, envelope * voiced[:, None], 0.35 * envelope * share),
        f0_hz,
        is_on * voiced,
    )


def whistle():
    """Whistle, like `voice`: nearly a sine, with some air noise."""
    rng = np.random.default_rng(2)
    f0_hz, is_on, spans = curves(rng, SAINTS, 0.34, 0.09, 0.25, 6.0)
    level = swell(len(f0_hz), spans, is_on, 0.04)
    distance = np.log2(np.maximum(BINS, 1) / f0_hz[:, None])
    # The second harmonic lies 32 dB below the first.
    envelope = np.where(distance < 0.5, 1.0, np.where(distance < 1.3, 0.025, 0.002))
    # Air noise: some at the mouth's resonance, which is the pitch, and a little everywhere.
    air = 0.012 * np.exp(-0.5 * (distance / 0.25) ** 2) + 0.0012 * (BINS > 300)
    return play(rng, f0_hz, level[:, None] * envelope, level[:, None] * air), f0_hz, is_on


def hum():
    """Hum, like `voice`: a low voice with closed lips."""
    rng = np.random.default_rng(3)
    f0_hz, is_on, spans = curves(rng, GRACE, 0.62, 0.12, 0.2, 5.0)
    level = swell(len(f0_hz), spans, is_on, 0.12)
    # The nose's resonances. The closed mouth absorbs frequencies around 900 Hz.
    formants = sum(
        gain / (1 + ((BINS - hz) / width) ** 2)
        for hz, width, gain in ((250, 90, 1.0), (1200, 180, 0.06), (2300, 250, 0.03))
    )
    swallowed = 1 - 0.8 * np.exp(-0.5 * ((BINS - 900) / 150) ** 2)
    tilt = np.minimum(1, (300 / np.maximum(BINS, 1)) ** 0.8)
    envelope = level[:, None] * formants * swallowed * tilt
    air = level[:, None] * 0.003 * np.exp(-BINS / 2500)
    return play(rng, f0_hz, envelope, air), f0_hz, is_on


def pitch_error(sound, f0_hz, is_on):
    """Compare the measured pitch of sounding frames with the true pitch.

    Returns:
      The median and the 95 % quantile of the error in cents, and the share of errors above 50.
    """
    heard = features.extract(sound)
    n = min(len(f0_hz), len(heard.f0_hz))
    cents = np.abs(1200 * np.log2(heard.f0_hz[:n] / f0_hz[:n]))[is_on[:n] > 0.7]
    return np.median(cents), np.quantile(cents, 0.95), (cents > 50).mean()


def main():
    for make in (voice, whistle, hum):
        sound, f0_hz, is_on = make()
        path = OUT / f"{make.__name__}.ogg"
        soundfile.write(path, sound * (PEAK / np.abs(sound).max()), SAMPLE_RATE)
        median, high, far = pitch_error(audio.load(path), f0_hz, is_on)
        print(
            f"{path.name}: {len(sound) / SAMPLE_RATE:.1f} s, {path.stat().st_size / 1000:.0f} kB; "
            f"pitch error {median:.1f} cents (95 %: {high:.0f}), {far:.1%} above 50"
        )


if __name__ == "__main__":
    main()
