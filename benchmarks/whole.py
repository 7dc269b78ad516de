"""Time the whole transfer from a recording to a violin and the plain way, for several lengths.

.venv/bin/python benchmarks/whole.py

Each way and length runs in a separate process, which measures its peak memory. The plain way is that
of Magenta's timbre transfer notebook, with CREPE's tiny network instead of the full one.
"""

import json
import statistics
import sys
import time

import numpy as np
from playing import plain_model
from side_by_side import child, peak_mb, phrase, show

from ddsp_course import conditioning, features, instruments, transfer
from ddsp_course._tensorflow import ddsp
from ddsp_course.units import FRAME_RATE, HOP_SIZE, SAMPLE_RATE

LENGTHS = (5, 30, 60, 120, 600)
PLAIN_UP_TO = 60  # seconds; for more, the plain way needs more memory than most machines have
COMPARED = 30
RUNS = 3


def course(sound):
    """Return a function that plays a sound on a loaded violin."""
    violin = instruments.load("violin")
    transfer.timbre_transfer(sound[:32000], violin)
    return lambda: transfer.timbre_transfer(sound, violin)[0]


def plain(sound):
    """Return the same for the way of Magenta's notebook."""
    from pitch import plain_f0

    violin = instruments.load("violin")
    n_frames = len(sound) // HOP_SIZE
    model = plain_model(violin, n_frames)

    def play():
        f0_hz, confidence = plain_f0(sound)
        loudness_db = ddsp.spectral_ops.compute_loudness(sound, SAMPLE_RATE, FRAME_RATE)
        heard = features.Features(
            sound, *(np.float32(curve[:n_frames]) for curve in (f0_hz, confidence, loudness_db))
        )
        adjusted = conditioning.adjust(heard, violin.statistics)
        curves = {
            "f0_hz": adjusted.f0_hz[None],
            "loudness_db": adjusted.loudness_db[None],
            "audio": sound[None],
        }
        return model(curves, training=False)["audio_synth"][0].numpy()

    plain_f0(sound[:32000])
    return play


def measure(way, seconds):
    """Time one run of a way in this process; print seconds of work and peak memory as JSON."""
    play = {"course": course, "plain": plain}[way](phrase(seconds))
    began = time.perf_counter()
    play()
    print(json.dumps([time.perf_counter() - began, peak_mb()]))


def differences(seconds):
    """Return a remark on how far the two violins differ, and two runs of ddsp, which draws new noise."""
    sound = phrase(seconds)
    play = plain(sound)
    ours, theirs, again = (
        features.loudness_db(played) for played in (course(sound)(), play(), play())
    )
    off, own = (np.abs(theirs - other[: len(theirs)]) for other in (ours, again))
    return (
        f"loudness differs by {np.median(off):.2f} dB (median), and in 1 % of frames by more than "
        f"{np.quantile(off, 0.99):.1f} dB; between two runs of ddsp: {np.median(own):.2f} and "
        f"{np.quantile(own, 0.99):.1f} dB"
    )


def rows():
    """Return a row for each length."""
    found = []
    for seconds in LENGTHS:
        taken = {"course": [], "plain": []}
        for _ in range(RUNS if seconds <= PLAIN_UP_TO else 1):
            for way in taken if seconds <= PLAIN_UP_TO else ["course"]:
                taken[way].append(child(__file__, way, seconds))
        work, memory = (
            {way: statistics.median(one[i] for one in runs) for way, runs in taken.items() if runs}
            for i in range(2)
        )
        found.append(
            {
                "stage": f"whole transfer, {seconds} s of audio",
                "course": work["course"] / seconds,
                "difference": f"peak memory {memory['course']:.0f} MB",
            }
        )
        if "plain" in work:
            found[-1]["plain"] = work["plain"] / seconds
            found[-1]["difference"] += f"; ddsp: {memory['plain']:.0f} MB"
        if seconds == COMPARED:
            found[-1]["difference"] += f"; {differences(seconds)}"
    return found


if __name__ == "__main__":
    if len(sys.argv) > 1:
        measure(sys.argv[1], int(sys.argv[2]))
    else:
        show(rows())
