"""Try lesson 03 on three folders that are not the course's clarinet, and print what happens.

    python scripts/train_made_up.py [FOLDER] [--steps 200]

A damped guitar in a room, a voice on three vowels, and a whistle with hum, 45 s each, made from
formulas and seeds (`ddsp_course.training.made_up`), in the formats of a field recorder, a phone and
a browser. For each, the dataset is made, a model is trained and scored on held-out seconds.
"""

import argparse
import logging
from pathlib import Path

import av
import numpy as np
import soundfile
import soxr

from ddsp_course import instruments
from ddsp_course.training import data, made_up, run, scores
from ddsp_course.units import SAMPLE_RATE

SECONDS = 15  # of a take
TAKES = 3


def write_guitar(folder):
    """24-bit stereo WAV at 48 kHz, as from a field recorder: one room, with little noise."""
    for i in range(TAKES):
        dry = made_up.guitar(made_up.melody(40, 64, SECONDS, seed=i), SECONDS)
        sound = made_up.in_a_room(dry, rt60_s=0.9, wet=0.5, seed=9)
        high = soxr.resample(0.8 * sound / np.abs(sound).max(), SAMPLE_RATE, 48000)
        high = np.stack([high, 0.9 * high], axis=1)
        soundfile.write(folder / f"Take {i + 1}.wav", high, 48000, subtype="PCM_24")


def write_voice(folder):
    """AAC in M4A at 44.1 kHz, as from a phone: three vowels, one a note."""
    for i in range(TAKES):
        notes = made_up.melody(48, 67, SECONDS, seed=10 + i)
        sound = made_up.voice(notes, SECONDS, vowels="aiu", seed=i)
        sound = sound + 10 ** (-62 / 20) * np.random.default_rng(i).normal(size=len(sound))
        write_m4a(folder / f"New Recording {i + 1}.m4a", soxr.resample(sound, SAMPLE_RATE, 44100))


def write_whistle(folder):
    """MP3: a whistle with hum from a bad cable, 40 dB below full scale."""
    for i in range(TAKES):
        notes = made_up.melody(79, 93, SECONDS, seed=20 + i)
        sound = made_up.whistle(notes, SECONDS, seed=i)
        sound = sound + made_up.hum(len(sound), -40)
        soundfile.write(folder / f"whistle_{i + 1}.mp3", 0.9 * sound, SAMPLE_RATE)


def write_m4a(path, sound, rate=44100):
    with av.open(str(path), "w") as file:
        stream = file.add_stream("aac", rate=rate, layout="mono")
        for start in range(0, len(sound), 1024):
            block = np.ascontiguousarray(sound[None, start : start + 1024], np.float32)
            frame = av.AudioFrame.from_ndarray(block, "fltp", "mono")
            frame.rate = rate
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))


FOLDERS = {"guitar": write_guitar, "voice": write_voice, "whistle": write_whistle}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", default=Path("build/made_up"))
    parser.add_argument("--steps", type=int, default=200)
    args = parser.parse_args()
    logging.basicConfig(format="  %(message)s")
    for name, write in FOLDERS.items():
        print(name, flush=True)
        home = args.folder / name
        if not (recordings := home / "recordings").exists():
            recordings.mkdir(parents=True)
            write(recordings)
        if not (dataset := home / "dataset").exists():
            data.prepare_recordings(recordings, dataset)
        run.train(dataset, home / "run", steps=args.steps, progress=False)
        run.export(dataset, home / "run", home / "instrument")
        instrument = instruments.load(home / "instrument")
        phrases = scores.held_out_phrases(dataset)[::2]
        print("  held out:", scores.measure(instrument, phrases), flush=True)


if __name__ == "__main__":
    main()
