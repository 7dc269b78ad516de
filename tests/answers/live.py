import numpy as np


def limited(levels, open_db, close_db):
    """The gate without a loop: the last crossing of either limit decides."""
    marks = np.where(levels >= open_db, 1, np.where(levels < close_db, -1, 0))
    last = np.maximum.accumulate(np.where(marks != 0, np.arange(len(marks)), -1))
    return (last >= 0) & (marks[last] == 1)


def in_a_loop(levels, open_db, close_db):
    is_open, states = False, []
    for level in levels:
        if not is_open and level >= open_db:
            is_open = True
        elif is_open and level < close_db:
            is_open = False
        states.append(is_open)
    return states


def convolved(block, tail, impulse):
    wet = np.convolve(block, impulse)
    wet[: len(tail)] += tail
    return wet[: len(block)], wet[len(block) :]


def transformed(block, tail, impulse):
    n = len(block) + len(impulse) - 1
    wet = np.fft.irfft(np.fft.rfft(block, n) * np.fft.rfft(impulse, n), n)
    wet[: len(tail)] += tail
    return [wet[: len(block)], wet[len(block) :]]


def right():
    """{exercise: [answers that are right, though written in another way than the solution]}."""
    from ddsp_course import _tensorflow

    tf = _tensorflow.load()

    def as_tensors(block, tail, impulse):
        audio, tail = convolved(block, tail, impulse)
        return tf.constant(audio), tf.constant(tail)

    return {
        "low_note": ["no pitch", "No_pitch "],
        "latency": [
            lambda window_ms, size, rate, n: window_ms / 2 + size / rate * 1000 + n * 4,
            lambda window_ms, size, rate, n: tf.constant(
                window_ms / 2 + 1e3 * size / rate + n / 0.25
            ),
            lambda window_ms, size, rate, n: [0.5 * window_ms + 1000 * (size / rate + n / 250)],
        ],
        "gate": [
            limited,
            in_a_loop,
            lambda levels, open_db, close_db: tf.constant(in_a_loop(levels, open_db, close_db))[
                None
            ],
        ],
        "room": [convolved, transformed, as_tensors],
        "faults": [{"A": "Blocks came too late", "B": "phase_restarts", "C": "octave errors"}],
    }


def wrong():
    """{exercise: [(plausible wrong answer, words of the hint that fits it)]}."""
    named = {"A": "blocks came too late", "B": "phase restarts", "C": "octave errors"}

    def ends_with_the_block(block, tail, impulse):
        return np.convolve(block, impulse)[: len(block)], tail

    def forgets(block, tail, impulse):
        wet = np.convolve(block, impulse)
        n = min(len(block), len(tail))
        wet[:n] += tail[:n]
        return wet[: len(block)], np.convolve(block, impulse)[len(block) :]

    def louder(block, tail, impulse):
        audio, tail = convolved(block, tail, impulse)
        return 2 * audio, tail

    return {
        "low_note": [
            ("60 Hz", "16.7 ms"),
            ("120 Hz", "upside down"),
            (120, "one of the words"),
        ],
        "latency": [
            (lambda w, size, rate, n: w + 1000 * size / rate + 4 * n, "half of the window"),
            (lambda w, size, rate, n: w / 2 + 4 * n, "block is missing"),
            (lambda w, size, rate, n: 1000 * size / rate + 4 * n, "window is missing"),
            (lambda w, size, rate, n: w / 2 + 1000 * size / rate, "frames are missing"),
            (lambda w, size, rate, n: w / 2 + size / 16 + 4 * n, "page's own"),
            (lambda w, size, rate, n: w / 2 + 1000 * (size + 64 * n) / rate, "any sample rate"),
            (lambda w, size, rate, n: w / 2000 + size / rate + n / 250, "in seconds"),
            (lambda w, size, rate, n: w / 2 + size / rate + 4 * n, "rest in milliseconds"),
            (lambda w, size, rate, n: w / 2 + 500 * size / rate + 4 * n, "worst case"),
            (lambda w, size, rate, n: 20.67, "the sum is wrong"),
            (lambda w, size, rate, n: np.zeros(3), "should be ()"),
            (20.67, "should be a function"),
        ],
        "gate": [
            (lambda levels, opens, closes: levels >= opens, "whether it is open"),
            (lambda levels, opens, closes: levels >= closes, "wait for `open_db`"),
            (lambda levels, opens, closes: ~limited(levels, opens, closes), "exchanged"),
            (lambda levels, opens, closes: in_a_loop(levels, closes, opens), "two limits"),
            (lambda levels, opens, closes: np.maximum.accumulate(levels >= opens), "never closes"),
            (lambda levels, opens, closes: levels, "True or False"),
            (lambda levels, opens, closes: limited(levels, opens, closes)[:-1], "one too few"),
            (lambda levels, opens, closes: limited(levels, -40.0, -55.0), "a trembling note"),
            (np.ones(50), "should be a function"),
        ],
        "room": [
            (ends_with_the_block, "add the tail"),
            (forgets, "longer than a block"),
            (lambda block, tail, impulse: (block, tail), "the dry audio"),
            (louder, "not what the whole gives"),
            (lambda block, tail, impulse: convolved(block, tail, impulse)[0], "two things"),
            (lambda block, tail, impulse: (np.convolve(block, impulse), tail), "samples"),
            (np.zeros(64), "should be a function"),
        ],
        "faults": [
            (named | {"A": "phase restarts"}, "'A': then the waveform would jump"),
            (named | {"B": "octave errors"}, "'B': then the pitch itself"),
            (named | {"C": "blocks came too late"}, "'C': then there would be short gaps"),
            (named | {"B": "tail cut off"}, "'B': then the room"),
            (named | {"C": "no gate"}, "'C': then the rests"),
            ({"A": "blocks came too late"}, "says nothing about 'B'"),
            ("phase restarts", "a dictionary such as"),
        ],
    }
