"""Exercises of notebooks/03_train_your_own/03_take_it_with_you.ipynb."""

import json

import numpy as np

from ddsp_course import web_export
from ddsp_course.exercises import hints


def plugin(answer):
    """A prediction: what DDSP-VST does with an instrument of the course's: it refuses it."""
    return hints.choice(
        answer,
        "it refuses it",
        ("it plays it", "it plays it too slowly", "it refuses it"),
        {
            "it plays it": "the plugin asks for power, and this network wants loudness. Compare the "
            "rows of the table once more.",
            "it plays it too slowly": "that would happen if only the frame rate differed. But the "
            "network's state also has another size. Run the next cell.",
        },
    )


def tensor(function):
    """A function (data: bytes of a safetensors file, name) -> the array of that name."""
    rng = np.random.default_rng(3)
    arrays = {
        "bias": rng.normal(size=5).astype("<f4"),
        "kernel": rng.normal(size=(3, 4)).astype("<f2"),
        "recurrent.kernel": rng.normal(size=(6, 2)).astype("<f2"),
        "room": rng.normal(size=(2, 3, 2)).astype("<f4"),
    }
    data = web_export.pack({}, arrays)
    other = {name: rng.normal(size=(2, 7)).astype("<f4") for name in ("a", "b")}
    return hints.on_each(
        function,
        {
            "the first array of a file": (data, "bias"),
            "an array of 16 bits": (data, "kernel"),
            "one after others": (data, "recurrent.kernel"),
            "three axes": (data, "room"),
            "another file": (web_export.pack({}, other), "b"),
        },
        _wrong_tensor,
    )


def power(function):
    """A function (frame (1024,)) -> power in dB, from -80 to 0."""
    n = np.arange(1024)
    rng = np.random.default_rng(4)
    return hints.on_each(
        function,
        {
            "a sine at full level": (np.sin(2 * np.pi * 440 / 16000 * n),),
            "soft noise": (0.01 * rng.normal(size=1024),),
            "a note that begins in the middle": (np.where(n < 512, 0.0, 0.3 * np.sin(n)),),
            "silence": (np.zeros(1024),),
            "noise below the floor": (1e-6 * rng.normal(size=1024),),
        },
        _wrong_power,
    )


def parcels(named):
    """{parcel: what is wrong with it} for the four of `received`."""
    return hints.choices(
        named,
        {
            "A": "weights are missing",
            "B": "could run code",
            "C": "no right to pass it on",
            "D": "nothing",
        },
        (
            *("nothing", "weights are missing", "statistics are missing"),
            *("could run code", "no right to pass it on"),
        ),
        {
            "weights are missing": "it has an index and the data that the index speaks of.",
            "statistics are missing": "dataset_statistics.pkl is in the list.",
            "could run code": "its settings name parts of ddsp alone, and whatever else lies in the zip "
            "is not opened.",
            "no right to pass it on": "its README says whose playing it is, and under which licence.",
            (
                "A",
                "nothing",
            ): "the index only says where each weight lies in the data. Where is the data?",
            ("A", "no right to pass it on"): "the player made it from his own playing.",
            (
                "B",
                "nothing",
            ): "look at the first line of its settings: a model needs ddsp and gin alone.",
            ("C", "nothing"): "it loads and plays. But whose playing is it, and did she agree?",
        },
    )


def received():
    """Return {parcel: text}: what four zips from friends hold, and the beginnings of their texts."""
    return {
        "A": "operative_config-0.gin     ProcessorGroup.dag = [(@synths.Harmonic(), ...\n"
        "dataset_statistics.pkl\n"
        "ckpt-6000.index\n"
        'README.txt                 "My trombone. I played it myself. CC BY 4.0, Ben Adler"',
        "B": "operative_config-0.gin     import subprocess\n"
        "dataset_statistics.pkl\n"
        "ckpt-9000.index\n"
        "ckpt-9000.data-00000-of-00001\n"
        'README.txt                 "Best violin ever!! Just load it. CC0"',
        "C": "operative_config-0.gin     ProcessorGroup.dag = [(@synths.Harmonic(), ...\n"
        "dataset_statistics.pkl\n"
        "ckpt-5000.index\n"
        "ckpt-5000.data-00000-of-00001\n"
        'README.txt                 "A famous cellist. I cut ten minutes out of her new album"',
        "D": "operative_config-0.gin     ProcessorGroup.dag = [(@synths.Harmonic(), ...\n"
        "dataset_statistics.pkl\n"
        "ckpt-7000.index\n"
        "ckpt-7000.data-00000-of-00001\n"
        "plot_the_loss.py\n"
        'README.txt                 "Oboe. Played by Mia Lund, recorded by me, both CC BY 4.0"',
    }


def _wrong_tensor(made, data, name):
    end = 8 + int.from_bytes(data[:8], "little")
    start, _ = json.loads(data[8:end])[name]["data_offsets"]
    right = web_export.unpack(data)[1][name]
    dtype, shape = right.dtype, right.shape
    if isinstance(made, bytes | bytearray | memoryview):
        return "these are bytes: make numbers of them with np.frombuffer."
    wrong = hints.numbers(made)
    if wrong:
        return wrong
    if np.size(made) == 2 * right.size and dtype.itemsize == 4:
        return "it has twice as many numbers as the header says: F32 means 4 bytes for each."
    if 2 * np.size(made) == right.size and dtype.itemsize == 2:
        return "it has half as many numbers as the header says: F16 means 2 bytes for each."
    if np.shape(made) == (right.size,) and len(shape) > 1:
        return f"the numbers stand in one row: give them the shape of the header, {shape}."
    wrong = hints.shape(made, right.shape, [f"axis {i}" for i in range(right.ndim)])
    if wrong:
        return wrong

    def read(first):
        return np.frombuffer(data[first : first + right.nbytes], dtype).reshape(shape)

    known = {
        "the offsets count from the end of the header, and not from the beginning of the file.": read(
            start
        ),
        "the header begins after the 8 bytes of its length, so the numbers begin 8 bytes later.": read(
            end - 8 + start
        ),
        "this is the first array of the file: its data_offsets say where this one begins.": (
            read(end) if end + right.nbytes <= len(data) else np.full(shape, np.inf)
        ),
        "the axes are filled in another order: the last one runs fastest.": right.ravel().reshape(
            shape, order="F"
        ),
    }
    if np.array_equal(made, right):
        return None
    return hints.mistake(made, known, rtol=1e-6) or hints.close(made, right)


def _wrong_power(made, frame):
    wrong = hints.one_number(made)
    made = made if wrong else float(np.squeeze(made))
    mean_square = np.mean(frame**2)
    if wrong:
        silent = not mean_square and "not finite" in wrong
        return "silence has no logarithm: let the power be -80 dB at least." if silent else wrong
    right = 10 * np.log10(max(mean_square, 1e-8))
    if abs(made - right) < 0.05:
        return None
    if made < -80.01:
        return f"it is {made:.1f} dB, and -80 dB is the lowest power there is."
    if not mean_square > 1e-8:
        return f"below the floor it should be -80 dB, and it is {made:.1f}."
    known = {
        "it is twice as many dB: take 10 times the logarithm of a mean square, or 20 times that of its "
        "root.": 2 * right,
        "it is half as many dB: take 10 times the logarithm of a mean square, or 20 times that of its "
        "root.": right / 2,
        "it adds the squares up: take their mean, or longer frames are louder.": (
            10 * np.log10(np.sum(frame**2))
        ),
        "it has the wrong sign: a power below 1 is negative in dB.": -right,
        "this is the power as it is: give it in dB.": mean_square,
        "this is the peak's level: take the mean of the squares.": 20
        * np.log10(np.abs(frame).max()),
        "this is the level of the mean magnitude: square the samples first.": (
            20 * np.log10(np.mean(np.abs(frame)))
        ),
        "this takes the natural logarithm: dB use the one to base 10.": 10 * np.log(mean_square),
        "a window fades the frame's ends: the plugin counts all samples alike.": (
            10 * np.log10(np.mean((frame * np.hanning(len(frame))) ** 2))
        ),
    }
    return hints.mistake(made, known, rtol=1e-3, atol=1e-3) or (
        f"it is {made:.2f} dB and should be {right:.2f}."
    )
