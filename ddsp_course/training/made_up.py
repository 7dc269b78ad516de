"""Made-up takes: a plucked guitar, a sung voice and a whistle, from formulas and a seed.

They stand in for a home recording where nobody can record, and their faults are known exactly. No
soundfont and no recording is used. A take is the sum of its notes, each (start_s, end_s, pitch,
level): MIDI pitch, and level in dB.
Explained in notebooks/03_train_your_own/01_your_recording.ipynb.
"""

import numpy as np

from ddsp_course.units import SAMPLE_RATE, midi_to_hz

MAJOR = (0, 2, 4, 5, 7, 9, 11)
# The first three formants in Hz, means of 33 men: Peterson and Barney, "Control methods used in a
# study of the vowels", JASA 1952, table II.
FORMANTS_HZ = {"a": (730, 1090, 2440), "i": (270, 2290, 3010), "u": (300, 870, 2240)}
_FORMANT_WIDTH_HZ = (80, 100, 140)
_STRING_RATE = 48000  # a string's period is a whole number of samples: 7 cents off at most


def melody(lowest, highest, seconds, seed):
    """Compose a tune that walks through a major scale, with rests and changes of level.

    Args:
      lowest, highest: range in MIDI pitches; the scale begins on the lowest.
      seconds: length of the take; the last half second is silent.
      seed: integer; the same seed gives the same tune.

    Returns:
      list of (start_s, end_s, pitch, level_db), with levels from -24 to 0 dB.
    """
    rng = np.random.default_rng(seed)
    scale = [p for p in range(lowest, highest + 1) if (p - lowest) % 12 in MAJOR]
    notes, place, start = [], int(rng.integers(len(scale))), 0.3
    while (duration := rng.choice([0.3, 0.45, 0.6, 1.2])) + start < seconds - 0.5:
        level = -12 + 12 * np.sin(0.8 * start) * rng.uniform(0.4, 1)
        notes.append((start, start + duration, scale[place], level))
        start += duration + rng.choice([0, 0, 0, 0.4])
        step = rng.integers(-3, 4)
        place = abs(place + step) if place + step < len(scale) else place - abs(step)
    return notes


def guitar(notes, seconds):
    """Play notes on a plucked string that a finger damps at the end of each.

    Each note is a pulse in a delay line with feedback (Karplus and Strong, "Digital synthesis of
    plucked-string and drum timbres", Computer Music Journal 1983). They began with noise; a pulse
    is nearer to the force of a plucked string on its bridge, and each note sounds the same.

    Args:
      notes: see the module.
      seconds: length.

    Returns:
      (n_samples,) at 16 kHz.
    """
    from scipy import signal

    def note(pitch, n):
        period = round(_STRING_RATE / midi_to_hz(pitch) - 0.5)
        # A lower string loses more at each turn, or else it would ring for longer.
        keep = 0.001 ** (period / (3.0 * _STRING_RATE))  # T60 of 3 s, less what the mean takes
        pluck = np.zeros(3 * n)
        pluck[: period // 5] = 1.0  # plucked at a fifth of its length
        pluck[:period] -= pluck[:period].mean()
        # A fingertip is softer than a pick: there are fewer high frequencies.
        pluck = signal.lfilter([0.3], [1, -0.7], pluck)
        string = signal.lfilter([1], [1, *np.zeros(period - 1), -keep / 2, -keep / 2], pluck)
        return signal.resample_poly(string, 1, 3)

    return _play(notes, seconds, note, release_s=0.06)


def voice(notes, seconds, vowels="a", seed=0):
    """Sing notes on vowels, one after the other: harmonics of a pulse, through three resonances.

    Args:
      notes: see the module.
      seconds: length.
      vowels: letters from `FORMANTS_HZ`; note i is sung on letter i, and over again.
      seed: integer.

    Returns:
      (n_samples,) at 16 kHz.
    """
    rng = np.random.default_rng(seed)
    turn = iter(range(len(notes)))

    def note(pitch, n):
        vowel = vowels[next(turn) % len(vowels)]
        time = np.arange(n) / SAMPLE_RATE
        vibrato = 0.3 * np.sin(2 * np.pi * 5.5 * time) * np.clip(time - 0.2, 0, 0.3) / 0.3
        f0_hz = midi_to_hz(pitch + vibrato)
        sound = 0.003 * rng.normal(size=n)  # breath
        for k in range(1, int(7500 / f0_hz.max()) + 1):
            # A strong voice: its pulses are sharp, so high harmonics have much energy.
            amplitude = vowel_gain(k * f0_hz, vowel) / np.sqrt(k)
            sound += amplitude * np.sin(2 * np.pi * k * np.cumsum(f0_hz) / SAMPLE_RATE)
        return sound

    return _play(notes, seconds, note, attack_s=0.06, release_s=0.08)


def whistle(notes, seconds, seed=0):
    """Whistle notes: a sine with a faint octave above it, vibrato and breath.

    Args:
      notes: see the module.
      seconds: length.
      seed: integer.

    Returns:
      (n_samples,) at 16 kHz.
    """
    rng = np.random.default_rng(seed)

    def note(pitch, n):
        time = np.arange(n) / SAMPLE_RATE
        bend = 0.2 * np.sin(2 * np.pi * 6 * time) - 0.6 * np.exp(-time / 0.03)  # from below
        phase = 2 * np.pi * np.cumsum(midi_to_hz(pitch + bend)) / SAMPLE_RATE
        return np.sin(phase) + 0.02 * np.sin(2 * phase) + 0.01 * rng.normal(size=n)

    return _play(notes, seconds, note, attack_s=0.04, release_s=0.05)


def vowel_gain(hz, vowel):
    """Return the gain of a vowel's three resonances in a row at each frequency.

    Args:
      hz: frequencies, any shape.
      vowel: a letter from `FORMANTS_HZ`.
    """
    gain = np.ones(np.shape(hz))
    for centre, width in zip(FORMANTS_HZ[vowel], _FORMANT_WIDTH_HZ, strict=True):
        # A resonance has a gain of 1 at 0 Hz, and falls by 12 dB an octave above its centre.
        gain = gain * centre**2 / np.hypot(centre**2 - np.square(hz), width * np.asarray(hz))
    return gain


def in_a_room(sound, rt60_s, wet=0.5, seed=0):
    """Add a room: noise that falls by 60 dB in `rt60_s` seconds, as loud as `wet` times the sound.

    Args:
      sound: (n_samples,) at 16 kHz.
      rt60_s: reverberation time.
      wet: RMS of the echo, relative to the sound's.
      seed: integer, of the room.

    Returns:
      (n_samples,).
    """
    from scipy import signal

    n = int(rt60_s * SAMPLE_RATE)
    response = np.random.default_rng(seed).normal(size=n) * 10 ** (-3 * np.arange(n) / n)
    echo = signal.fftconvolve(sound, response)[: len(sound)]
    return sound + wet * echo * np.std(sound) / np.std(echo)


def hum(n_samples, level_db, mains_hz=50):
    """Return the hum of a bad cable: eight harmonics of the mains, with an RMS of `level_db`.

    Args:
      n_samples: length at 16 kHz.
      level_db: in dB below full scale.
      mains_hz: 50, or 60 in the Americas.

    Returns:
      (n_samples,).
    """
    time = np.arange(n_samples) / SAMPLE_RATE
    wave = sum(np.sin(2 * np.pi * k * mains_hz * time + k) / k for k in range(1, 9))
    return wave * 10 ** (level_db / 20) / np.std(wave)


def _play(notes, seconds, play_note, attack_s=0.002, release_s=0.05):
    """Return the sum of notes, (n_samples,) with a peak of 0.7.

    `play_note` takes a pitch and a number of samples, and returns that many.
    """
    sound = np.zeros(round(seconds * SAMPLE_RATE))
    for start_s, end_s, pitch, level_db in notes:
        first = round(start_s * SAMPLE_RATE)
        n = min(round((end_s - start_s + release_s) * SAMPLE_RATE), len(sound) - first)
        time = np.arange(n) / SAMPLE_RATE
        ends = np.clip(np.minimum(time / attack_s, (n / SAMPLE_RATE - time) / release_s), 0, 1)
        note = play_note(pitch, n)
        # A note's level is that of its loudest moment.
        sound[first : first + n] += ends**2 * note * 10 ** (level_db / 20) / np.abs(note).max()
    return 0.7 * sound / np.abs(sound).max()
