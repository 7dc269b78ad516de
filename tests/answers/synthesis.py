import numpy as np


def turned(degrees):
    """A function that turns all phases of a sound."""

    def turn(sound):
        return np.fft.irfft(np.fft.rfft(sound) * np.exp(1j * np.radians(degrees)), len(sound))

    return turn


def between(low_hz, high_hz, hz):
    return np.where((hz >= low_hz) & (hz <= high_hz), 1.0, 0.0)


def click(n, height=1.0, at=0):
    sound = np.zeros(n)
    sound[at] = height
    return sound


def with_noise(play_in, n):
    """The room by what it makes of noise, divided out in the frequency domain."""
    noise = np.r_[np.random.default_rng(0).normal(size=4 * n), np.zeros(4 * n)]
    answer = np.fft.rfft(play_in(noise)) / np.fft.rfft(noise)
    return np.fft.irfft(answer)[:n]


def right():
    """{exercise: [answers that are right, though written in another way than the solution]}."""
    from ddsp_course import _tensorflow

    tf = _tensorflow.load()

    def in_a_loop(low, high, n):
        return [1 if low < 8000 * k / (n - 1) < high else 0 for k in range(n)]

    return {
        "phases": ["between zero and new noise", "Between_zero_and new noise "],
        "bands": [
            in_a_loop,
            lambda low, high, n: between(low, high, np.fft.rfftfreq(2 * (n - 1), 1 / 16000)) > 0,
            lambda low, high, n: tf.constant(between(low, high, np.linspace(0, 8000, n)))[None],
        ],
        "copy": [turned(90), turned(180), turned(-120), lambda sound: tf.constant(-sound)],
        "clap": [
            lambda play_in, n: play_in(click(n)) - click(n),
            lambda play_in, n: play_in(click(2 * n, 4.0))[:n] / 4,
            lambda play_in, n: play_in(click(n + 10, 1.0, 10))[10:],
            with_noise,
            lambda play_in, n: tf.constant(play_in(click(n)))[None],
        ],
        "faults": [{"A": "Response reversed", "B": "filter_stands_still", "C": "tail cut off"}],
    }


def wrong():
    """{exercise: [(plausible wrong answer, words of the hint that fits it)]}."""
    named = {"A": "response reversed", "B": "filter stands still", "C": "tail cut off"}

    def sharp(sound):
        """Thirty cents too high, by reading it faster."""
        n = np.arange(len(sound))
        return np.interp(n * 2 ** (30 / 1200), n, sound)

    def scattered(sound):
        spectrum = np.fft.rfft(sound)
        turns = np.random.default_rng(0).uniform(0, 2 * np.pi, len(spectrum))
        return np.fft.irfft(spectrum * np.exp(1j * turns), len(sound))

    return {
        "phases": [
            ("zero", "add up or cancel"),
            ("as high as silence", "as loud as before"),
            (2.9, "one of the words"),
        ],
        "bands": [
            (lambda low, high, n: between(low, high, np.arange(n) * 8000 / n), "n_bands - 1"),
            (
                lambda low, high, n: between(low, high, (np.arange(n) + 0.5) * 8000 / n),
                "half a band",
            ),
            (lambda low, high, n: between(low, high, np.linspace(0, 16000, n)), "octave too low"),
            (lambda low, high, n: 1 - between(low, high, np.linspace(0, 8000, n)), "inverted"),
            (lambda low, high, n: between(low, 1e9, np.linspace(0, 8000, n)), "upper limit"),
            (lambda low, high, n: between(-1, high, np.linspace(0, 8000, n)), "lower limit"),
            (lambda low, high, n: np.linspace(0, 8000, n), "these are frequencies"),
            (lambda low, high, n: between(low, high, np.arange(n)), "numbers of the bands"),
            (lambda low, high, n: between(low, high, np.arange(n) * 125), "990 to 4010"),
            (lambda low, high, n: between(2030, 3070, np.linspace(0, 8000, n)), "90 to 515"),
            (lambda low, high, n: np.full(n, 0.5), "a magnitude other than"),
            (lambda low, high, n: np.ones(65), "be cut"),
            (lambda low, high, n: np.ones(n - 1), "one too few bands"),
            (np.ones(65), "should be a function"),
        ],
        "copy": [
            (lambda sound: sound, "the same sound"),
            (lambda sound: 0 * sound, "that is silence"),
            (lambda sound: -2 * sound, "6.0 dB too loud"),
            (lambda sound: sound[::-1], "now swells"),
            (turned(45), "turn the phase further"),
            (lambda sound: np.roll(sound, 1), "turn the phase further"),
            (sharp, "sounds different"),
            (scattered, "sounds different"),
            (lambda sound: -sound[:-1], "one too few samples"),
            (lambda sound: -sound[:8000], "12000"),
            (np.zeros(8000), "should be a function"),
        ],
        "clap": [
            (lambda play_in, n: play_in(click(n, 2.0)), "6.0 dB too loud"),
            (lambda play_in, n: play_in(click(n, -1.0)), "upside down"),
            (lambda play_in, n: play_in(click(n))[::-1], "reversed"),
            (lambda play_in, n: play_in(click(n, 1.0, 10)), "10 samples too late"),
            (lambda play_in, n: play_in(np.ones(n)), "goes on"),
            (lambda play_in, n: click(n), "only the first sample"),
            (lambda play_in, n: np.zeros(n), "play a click"),
            (
                lambda play_in, n: play_in(np.random.default_rng(0).normal(size=n)),
                "only the first sample",
            ),
            (lambda play_in, n: play_in(click(4000)), "1500"),
            (lambda play_in, n: play_in(click(n))[:-1], "one too few samples"),
            (lambda play_in, n: play_in, "should be numbers"),
            (click(4000), "should be a function"),
        ],
        "faults": [
            (named | {"C": "dry sound missing"}, "'C': then the note"),
            (named | {"A": "tail cut off"}, "'A': then there would be silence"),
            (named | {"B": "noise missing"}, "'B': then there would be no breath"),
            (named | {"C": "response reversed"}, "'C': then the room"),
            (named | {"C": "filter stands still"}, "'C': then the breath"),
            (named | {"B": "dry sound missing"}, "no clear beginning"),
            ({"A": "tail cut off"}, "then there would be silence"),
            ("tail cut off", "a dictionary such as"),
        ],
    }
