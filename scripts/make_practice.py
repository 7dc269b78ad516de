"""Make `assets/audio/clarinet/`, the audio files that lesson 03 trains on.

They contain what a clarinettist might record in one session to train a model: long tones, scales
slurred and tongued, arpeggios, the same notes soft and loud, and a tune ("Ode to Joy", Beethoven,
public domain). FluidSynth plays them with the FluidR3 soundfont (MIT licence).

    python scripts/make_practice.py
"""

import numpy as np
import soundfile

from ddsp_course import _paths
from ddsp_course.training import soundfonts
from ddsp_course.units import SAMPLE_RATE

OUT = _paths.ASSETS / "audio" / "clarinet"
CLARINET = 71
MAJOR = (0, 2, 4, 5, 7, 9, 11)
PEAK = 0.7
END_S = 0.6  # silence after the last note
ODE = "E E F G G F E D C C D E E:1.5 D:.5 D:2 E E F G G F E D C C D E D:1.5 C:.5 C:2"


def scale(first, n):
    """Return `n` MIDI pitches of a major scale that ascends from `first`."""
    return [first + 12 * (i // 7) + MAJOR[i % 7] for i in range(n)]


def play(pitches, seconds, length=0.98, loud=90, swell=0):
    """Return consecutive notes (start_s, end_s, pitch, velocity).

    Args:
      pitches: MIDI pitches; None is a rest.
      seconds: duration of a note including its gap, one number or one per note.
      length: share of that duration which sounds.
      loud: MIDI velocity, one number or one per note.
      swell: velocity added in the middle of the phrase.
    """
    n = len(pitches)
    seconds, loud = np.broadcast_to(seconds, n), np.broadcast_to(loud, n)
    velocity = np.clip(loud + swell * np.sin(np.pi * np.arange(n) / max(1, n - 1)), 10, 127)
    starts = 0.2 + np.cumsum(np.append(0, seconds))
    return [
        (starts[i], starts[i] + length * seconds[i], pitch, velocity[i])
        for i, pitch in enumerate(pitches)
        if pitch is not None
    ]


def ode():
    names = dict(zip("CDEFG", scale(65, 5), strict=True))
    notes = [note.split(":") for note in ODE.split()]
    beats = np.array([float(note[1]) if len(note) > 1 else 1.0 for note in notes])
    return play([names[note[0]] for note in notes], 0.42 * beats, 0.95, 75, 30)


def recordings():
    """Return {file name: notes}."""
    low, high = (scale(first, 15) + scale(first, 14)[::-1] for first in (53, 65))
    up_and_down = (0, 4, 7, 12, 7, 4, 0)
    arpeggios = [p for root in (53, 58, 60, 65) for p in (*(root + s for s in up_and_down), None)]
    levels = [30, 50, 70, 90, 110, 125]
    return {
        "long_tones": play([55, 60, 64, 69, 74, 79], 2.2, 0.9, [80, 95, 70, 100, 85, 90]),
        "scales_slurred": play(low, 0.22, 1.0, 70, 35) + later(play(high, 0.22, 1.0, 70, 35), 7),
        "scales_tongued": play(low, 0.26, 0.6, 95, -30) + later(play(high, 0.2, 0.5, 85, 20), 8.4),
        "arpeggios": play(arpeggios, 0.36, 0.9, 80, 30),
        "soft_to_loud": play([p for p in (58, 65, 72) for _ in levels], 0.7, 0.8, levels * 3),
        "ode_to_joy": ode(),
    }


def later(notes, seconds):
    return [(start + seconds, end + seconds, *rest) for start, end, *rest in notes]


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    for name, notes in recordings().items():
        n_samples = int((notes[-1][1] + END_S) * SAMPLE_RATE)
        sound = soundfonts.render(soundfonts.score(CLARINET, notes), n_samples)
        path = OUT / f"{name}.ogg"
        soundfile.write(path, sound * (PEAK / np.abs(sound).max()), SAMPLE_RATE)
        print(f"{name}: {n_samples / SAMPLE_RATE:.1f} s, {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
