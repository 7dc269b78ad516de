"""One pitch tracker over many sounds; trackers.py runs this in the tracker's own environment.

python benchmarks/one_tracker.py NAME SOUNDS.npz RESULT.npz
"""

import sys
import time

import numpy as np

RATE = 16000


def course(viterbi):
    from ddsp_course import crepe

    def track(sound):
        f0_hz, confidence = crepe.to_f0(crepe.activation(sound, crepe.load()), viterbi)
        return np.arange(len(f0_hz)) * 0.004, f0_hz, confidence

    return track


def pyin(sound):
    import librosa

    f0_hz, _, probability = librosa.pyin(
        sound, fmin=32.7, fmax=1975, sr=RATE, frame_length=2048, hop_length=64, fill_na=None
    )
    return np.arange(len(f0_hz)) * 0.004, f0_hz, probability


def torchcrepe(size, hop_size=64):
    import torch
    import torchcrepe

    def track(sound):
        f0_hz, periodicity = torchcrepe.predict(
            torch.from_numpy(sound)[None], RATE, hop_length=hop_size, fmin=32.7, fmax=1975, model=size,
            decoder=torchcrepe.decode.weighted_argmax, return_periodicity=True, batch_size=512,
        )  # fmt: skip
        f0_hz = f0_hz[0].numpy()
        return np.arange(len(f0_hz)) * hop_size / RATE, f0_hz, periodicity[0].numpy()

    return track


def swiftf0():
    from swift_f0 import SwiftF0

    detector = SwiftF0()

    def track(sound):
        found = detector.detect(sound, RATE)
        return found.timestamps, found.pitch_hz, found.confidence

    return track


def pesto():
    import pesto
    import torch

    def track(sound):
        times_ms, f0_hz, confidence, _ = pesto.predict(torch.from_numpy(sound), RATE, step_size=4.0)
        return times_ms.numpy() / 1000, f0_hz.numpy(), confidence.numpy()

    return track


TRACKERS = {
    "course": lambda: course(viterbi=False),
    "course, Viterbi": lambda: course(viterbi=True),
    "pYIN": lambda: pyin,
    "official tiny": lambda: torchcrepe("tiny"),
    # It has 46 times as many weights as tiny: 250 frames a second would take most of an hour.
    "official full": lambda: torchcrepe("full", hop_size=256),
    "SwiftF0": swiftf0,
    "PESTO": pesto,
}


def main(name, sounds, result):
    track = TRACKERS[name]()
    with np.load(sounds) as held:
        sounds = dict(held)
    # The first call loads weights and compiles.
    track(next(iter(sounds.values()))[:RATE])
    found, spent = {}, 0
    for key, sound in sounds.items():
        began = time.perf_counter()
        times, f0_hz, confidence = track(sound)
        spent += time.perf_counter() - began
        found[f"{key}|times"], found[f"{key}|f0_hz"] = times, f0_hz
        found[f"{key}|confidence"] = confidence
    np.savez(result, seconds=spent, **found)


if __name__ == "__main__":
    main(*sys.argv[1:])
