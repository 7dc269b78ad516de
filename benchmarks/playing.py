"""Time an instrument and ddsp's own autoencoder on the same curves with the same weights.

.venv/bin/python benchmarks/playing.py

"Plain" is the model as Magenta's timbre transfer notebook builds and calls it. The harmonics of both
are compared with the same controls played in double precision.
"""

import contextlib
import io
import time

import gin
import numpy as np
from side_by_side import SECONDS_OF_PHRASE, compare, phrase, show

from ddsp_course import conditioning, features, instruments, live, synthesis
from ddsp_course._tensorflow import ddsp
from ddsp_course.units import HOP_SIZE, SAMPLE_RATE

N_FRAMES = 1750  # 7 s
BLOCKS = (64, 256, 1024)


def plain_model(violin, n_frames):
    """Build and restore the violin as in Magenta's notebook."""
    n_samples = n_frames * HOP_SIZE
    with gin.unlock_config(), contextlib.redirect_stdout(io.StringIO()):
        gin.clear_config()
        gin.parse_config(violin.gin_text, skip_unknown=True)
        gin.parse_config(
            [
                f"Harmonic.n_samples = {n_samples}",
                f"FilteredNoise.n_samples = {n_samples}",
                f"F0LoudnessPreprocessor.time_steps = {n_frames}",
                "oscillator_bank.use_angular_cumsum = True",
            ]
        )
        model = ddsp.training.models.Autoencoder()
        curve = np.zeros((1, n_frames), np.float32)
        model({"f0_hz": curve + 440, "loudness_db": curve - 40}, training=False)
        model.restore(str(violin.folder))
    return model


def exactly(controls, hop_size=HOP_SIZE):
    """Play a harmonic synthesizer's controls in double precision: (n_samples,)."""
    f0_hz = np.float64(controls["f0_hz"][0, :, 0])
    amplitudes = np.float64(controls["amplitudes"][0]) * np.float64(
        controls["harmonic_distribution"][0]
    )
    along = np.tile(np.arange(hop_size) / hop_size, len(f0_hz))
    fade = 0.5 - 0.5 * np.cos(np.pi * along)
    here = np.repeat(np.arange(len(f0_hz)), hop_size)
    there = np.minimum(here + 1, len(f0_hz) - 1)
    hz = f0_hz[here] * (1 - along) + f0_hz[there] * along
    phase = 2 * np.pi * np.cumsum(hz / SAMPLE_RATE)
    sound = np.zeros(len(hz))
    for k, amplitude in enumerate(amplitudes.T, start=1):
        faded = amplitude[here] * (1 - fade) + amplitude[there] * fade
        sound += np.where(k * hz < 8000, faded * np.sin(k * phase), 0)
    return sound


def below_db(difference, sound):
    """Return the level of a difference relative to a sound, in dB."""
    return 10 * np.log10(np.mean(difference**2) / np.mean(sound**2))


def rows():
    """Return a row for an instrument, and one for each block size of live playing."""
    violin = instruments.load("violin")
    heard = features.extract(phrase(SECONDS_OF_PHRASE))
    adjusted = conditioning.adjust(heard, violin.statistics)
    plain = plain_model(violin, N_FRAMES)
    curves = {
        "f0_hz": adjusted.f0_hz[None, :N_FRAMES],
        "loudness_db": adjusted.loudness_db[None, :N_FRAMES],
    }
    n_samples = N_FRAMES * HOP_SIZE
    short = features.Features(
        adjusted.audio[:n_samples],
        adjusted.f0_hz[:N_FRAMES],
        adjusted.f0_confidence[:N_FRAMES],
        adjusted.loudness_db[:N_FRAMES],
    )
    ways = {
        "plain": lambda: plain(curves, training=False),
        "course": lambda: violin.play(short),
    }
    told = differences(violin, plain, curves, short)
    return [
        compare("playing an instrument", ways, n_samples / SAMPLE_RATE, told),
        *(in_blocks(violin, adjusted, size) for size in BLOCKS),
    ]


def differences(violin, plain, curves, short):
    """Return a remark on how exact the harmonics of both are."""
    theirs = plain(curves, training=False)["harmonic"]
    exact = exactly(theirs["controls"])
    off = below_db(np.float64(theirs["signal"][0]) - exact, exact)
    # The course starts its violin from a rest, so its controls differ from ddsp's.
    before = synthesis.REST + synthesis.MARGIN
    window = {
        key: np.pad(curve[0], (before, synthesis.WINDOW), mode=mode, **kind)[
            None, : synthesis.WINDOW
        ]
        for (key, curve), (mode, kind) in zip(
            curves.items(), [("edge", {}), ("constant", {"constant_values": -80})], strict=True
        )
    }
    controls = violin.model(window, training=False)["harmonic"]["controls"]
    exact = exactly(controls)[before * HOP_SIZE :]
    ours = violin.play_parts(short)[0][: len(exact) - HOP_SIZE]
    our_off = below_db(ours - exact[: len(ours)], exact)
    return (
        f"harmonics against exact phases: an error of {our_off:.0f} dB; ddsp, whose phases drift: "
        f"{off:.0f} dB"
    )


def in_blocks(violin, adjusted, size):
    """Return the table's row for live playing in blocks of `size` samples."""
    playing = live.Live(violin, size)
    n = playing.n_frames
    taken = []
    for start in range(0, len(adjusted.f0_hz) - n + 1, n):
        began = time.perf_counter()
        playing.play(adjusted.f0_hz[start : start + n], adjusted.loudness_db[start : start + n])
        taken.append(time.perf_counter() - began)
    lasts = size / SAMPLE_RATE
    late = size / 16 + 4 * live.LATENCY
    return {
        "stage": f"live playing, blocks of {size}",
        "course": np.median(taken) / lasts,
        "difference": f"a block of {1000 * lasts:.0f} ms takes {1000 * np.median(taken):.1f} ms, 99 % of "
        f"them at most {1000 * np.quantile(taken, 0.99):.1f} ms; latency {late:.0f} ms",
    }


if __name__ == "__main__":
    show(rows())
