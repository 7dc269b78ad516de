"""Make `assets/scores/`: a tune as a MIDI file, and violin phrases with their scores and curves.

`greensleeves.mid` is the first half of "Greensleeves" (traditional), each note with the same
velocity, as a notation program writes it. `violin.npz` holds phrases like those that the course's
trumpet, flute and saxophone learned from (`soundfonts.compose`), and what became of them when
FluidSynth played them on the violin of the soundfont FluidR3 (MIT licence): pitch and loudness, 250
times a second.
Explained in notebooks/04_beyond_the_paper/02_from_notes_to_curves.ipynb.

    python scripts/make_scores.py
"""

import numpy as np

from ddsp_course import _paths, features, files
from ddsp_course.training import soundfonts
from ddsp_course.units import FRAME_RATE, hz_to_midi

OUT = _paths.ASSETS / "scores"
VIOLIN, LOWEST, HIGHEST = 40, 55, 88
N_TRAIN, N_HELD_OUT, SECONDS = 40, 10, 8
BEAT_S, VELOCITY = 0.4, 80
BREATH_AFTER, BREATH_S = 10, 0.15  # note, and seconds of rest between the two phrases
# (MIDI pitch, beats).
GREENSLEEVES = [
    (69, 1), (72, 2), (74, 1), (76, 1.5), (78, 0.5), (76, 1), (74, 2), (71, 1), (67, 1.5),
    (69, 0.5), (71, 1), (72, 2), (69, 1), (69, 1.5), (68, 0.5), (69, 1), (71, 2), (68, 1), (64, 2),
]  # fmt: skip


def greensleeves():
    """Return the tune as notes (start_s, end_s, pitch, velocity)."""
    starts = 0.2 + BEAT_S * np.cumsum([0, *(beats for _, beats in GREENSLEEVES)])
    return [
        (starts[i], starts[i + 1] - (BREATH_S if i == BREATH_AFTER else 0.02), pitch, VELOCITY)
        for i, (pitch, _) in enumerate(GREENSLEEVES)
    ]


def phrases():
    """Yield each phrase's notes (n, 4), loudness in dB and deviation from the score in cents."""
    for seed in range(N_TRAIN + N_HELD_OUT):
        notes, bend = soundfonts.compose(
            np.random.default_rng([40, seed]), LOWEST, HIGHEST, SECONDS
        )
        # What MIDI writes down, rather than what was drawn.
        notes = [(*note[:3], int(note[3])) for note in notes]
        audio, f0_hz = soundfonts.perform(VIOLIN, notes, bend, (LOWEST + HIGHEST) // 2, SECONDS)
        pitch = [note[2] for note in notes]
        starts = [note[0] for note in notes]
        frame_s = np.arange(SECONDS * FRAME_RATE) / FRAME_RATE
        written = np.array(pitch)[np.maximum(np.searchsorted(starts, frame_s, "right") - 1, 0)]
        cents = 100 * (hz_to_midi(soundfonts.follow(audio, f0_hz)) - written)
        yield np.array(notes), features.loudness_db(audio), cents


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    soundfonts.score(VIOLIN, greensleeves()).write(str(OUT / "greensleeves.mid"))
    notes, loudness_db, cents = zip(*phrases(), strict=True)
    path = OUT / "violin.npz"
    with files.whole_file(path) as part, part.open("wb") as file:
        np.savez_compressed(
            file,
            notes=np.concatenate(notes).astype(np.float32),
            phrase=np.repeat(np.arange(len(notes)), [len(one) for one in notes]),
            # A tenth of a decibel and a cent are more than anyone hears.
            loudness_db=np.round(loudness_db, 1).astype(np.float16),
            cents=np.round(cents).astype(np.int16),
            n_train=N_TRAIN,
        )
    print(f"{path.name}: {len(notes)} phrases, {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
