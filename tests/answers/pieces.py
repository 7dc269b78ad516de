"""Answers to the exercises of 04_beyond_the_paper/04_where_it_went, right and wrong."""

import numpy as np


def one_by_one(table, f0_hz):
    """Add up the harmonics that stay."""
    n = len(table)
    at = np.arange(n)
    kept = np.full(n, np.mean(table))
    for k in range(1, n // 2 + 1):
        if k * f0_hz < 8000:
            wave = np.exp(2j * np.pi * k * at / n)
            kept += (1 if 2 * k == n else 2) * np.real(np.vdot(wave, table) / n * wave)
    return list(kept)


def by_slice(table, f0_hz):
    spectrum = np.fft.rfft(table)
    spectrum[int(np.ceil(8000 / f0_hz)) :] = 0
    return np.fft.irfft(spectrum, len(table)).astype(np.float32)[None]


def cut(table, gone, n=None):
    spectrum = np.fft.rfft(table)
    spectrum[gone(np.arange(len(spectrum)))] = 0
    return np.fft.irfft(spectrum, n or len(table))


def complete_by_samples(onset_s, hop_size, sample_rate):
    sample = np.floor(np.asarray(onset_s) * sample_rate).astype(int)
    return (sample // hop_size + 1) * hop_size / sample_rate


def complete_in_a_loop(onset_s, hop_size, sample_rate):
    times = []
    for onset in onset_s:
        end = 0.0
        while end < onset:
            end += hop_size / sample_rate
        times.append(end)
    return times


def right():
    """{exercise: [answers that are right, though written in another way than the solution]}."""
    from ddsp_course import _tensorflow

    tf = _tensorflow.load()
    return {
        "band_limit": [one_by_one, by_slice, lambda table, hz: tf.constant(one_by_one(table, hz))],
        "chord": ["both, and notes that nobody played", " Both, and notes that_nobody played"],
        "stiffness": [31 / 15**4, [6.1e-4], 31 / (15**4 - 16**2)],
        "heard_at": [
            complete_by_samples,
            complete_in_a_loop,
            lambda onset, hop, rate: tf.constant(complete_by_samples(onset, hop, rate)),
        ],
        "faults": [
            {
                "A": "One waveshaper for all notes",
                "B": "phase starts_anew in each frame",
                "C": " table not band-limited",
            }
        ],
    }


def wrong():
    """{exercise: [(plausible wrong answer, words of the hint that fits it)]}."""
    named = {
        "A": "one waveshaper for all notes",
        "B": "phase starts anew in each frame",
        "C": "table not band-limited",
    }

    def frame(onset, hop, rate):
        return np.floor(onset * rate / hop)

    return {
        "band_limit": [
            (lambda t, hz: cut(t, lambda k: k * hz > 8000), "exactly 8000 Hz"),
            (lambda t, hz: cut(t, lambda k: k * hz < 8000), "removes what should stay"),
            (lambda t, hz: cut(t, lambda k: k * hz >= 16000), "below 16000 Hz"),
            (lambda t, hz: cut(t, lambda k: k >= 8000), "nothing is removed"),
            (lambda t, hz: cut(t, lambda k: (k + 1) * hz >= 8000), "highest harmonic below"),
            (lambda t, hz: cut(t, lambda k: (k * hz >= 8000) | (k == 0)), "the mean is gone"),
            (lambda t, hz: cut(t, lambda k: k * hz >= 8000, n=len(t) // 2 * 2), "too few values"),
            (lambda t, hz: np.fft.rfft(t), "complex"),
            (lambda t, hz: cut(t, lambda k: k * hz >= 12000), "is still there, and would be at"),
            (lambda t, hz: 0.5 * np.asarray(one_by_one(t, hz)), "numbers are wrong"),
            (np.zeros(512), "should be a function"),
        ],
        "chord": [
            ("both, each brighter", "2ab"),
            ("the louder one", "does not choose"),
            (True, "one of the words"),
            ("noise", "not among the words"),
        ],
        "stiffness": [
            (1 / 15**3, "square 16/15 first"),
            (31 / 15**3, "divide by 15 * 15"),
            (31 / 225, "times the square of k"),
            (31 / 225 / 256, "k is 15, not 16"),
            (16 / 15, "the ratio 16/15 itself"),
            (-31 / 15**4, "the sign is wrong"),
            (0.0004, "partial 15 lies at 15.66"),
            (-0.1, "cannot be taken"),
            ("0.0006", "remove the quotes"),
        ],
        "heard_at": [
            (lambda t, hop, rate: frame(t, hop, rate) * hop / rate, "before the onsets"),
            (lambda t, hop, rate: complete_by_samples(t, hop, rate) - t, "add the onsets"),
            (lambda t, hop, rate: t + hop / rate, "one frame later, wherever"),
            (lambda t, hop, rate: t + hop / rate / 2, "the mean delay"),
            (lambda t, hop, rate: (frame(t, hop, rate) + 1) * hop, "are samples"),
            (lambda t, hop, rate: 1000 * complete_by_samples(t, hop, rate), "milliseconds"),
            (lambda t, hop, rate: frame(t, hop, rate) + 1, "numbers of the frames"),
            (lambda t, hop, rate: (frame(t, hop, rate) + 2) * hop / rate, "one frame too late"),
            (lambda t, hop, rate: np.round(t * rate / hop) * hop / rate, "nearest limits"),
            (lambda t, hop, rate: t, "nothing is late"),
            (lambda t, hop, rate: float(complete_by_samples(t, hop, rate).max()), "the shape is"),
            (2048 / 44100, "should be a function"),
        ],
        "faults": [
            (named | {"A": "table not band-limited"}, "'A': then lines would fall"),
            (named | {"A": "strings too far out of tune"}, "'A': then it would swell"),
            (named | {"B": "table not band-limited"}, "'B': then lines would fall"),
            (named | {"B": "late and unsteady"}, "'B': then each note"),
            (named | {"C": "phase starts anew in each frame"}, "'C': then it would buzz"),
            (named | {"C": "one waveshaper for all notes"}, "'C': then there would be"),
            ({"A": named["A"]}, "says nothing about 'B'"),
            ("table not band-limited", "a dictionary such as"),
        ],
    }
