import json
import struct

import numpy as np


def _header(data):
    (n,) = struct.unpack_from("<Q", data)
    return json.loads(data[8 : 8 + n].decode()), 8 + n


def _read(data, name, dtypes=None, start=None, shaped=True, first=False, order="C"):
    header, end = _header(data)
    entry = header[name]
    dtype = np.dtype((dtypes or {"F16": "<f2", "F32": "<f4"})[entry["dtype"]])
    n = int(np.prod(entry["shape"]))
    offset = 0 if first else entry["data_offsets"][0]
    values = np.frombuffer(data, dtype, n, (end if start is None else start(end)) + offset)
    return values.reshape(entry["shape"], order=order) if shaped else values


def _as_lists(data, name):
    return _read(data, name).astype(float).tolist()


def _by_struct(data, name):
    header, end = _header(data)
    entry = header[name]
    start, stop = entry["data_offsets"]
    letter = {"F16": "e", "F32": "f"}[entry["dtype"]]
    n = (stop - start) // struct.calcsize(letter)
    return np.reshape(struct.unpack_from(f"<{n}{letter}", data, end + start), entry["shape"])


def _wrong_size(kind):
    """Read all numbers of one kind as the other."""

    def read(data, name):
        header, end = _header(data)
        start, stop = header[name]["data_offsets"]
        dtypes = {"F16": "<f2", "F32": "<f4"} | {kind: {"F16": "<f4", "F32": "<f2"}[kind]}
        values = np.frombuffer(data[end + start : end + stop], dtypes[header[name]["dtype"]])
        same = values.size == np.prod(header[name]["shape"])
        return (
            values.reshape(header[name]["shape"])
            if same
            else np.nan_to_num(values, posinf=0, neginf=0)
        )

    return read


def right():
    """{exercise: [answers that are right, though written in another way than the solution]}."""
    return {
        "plugin": ["It refuses it", "it_refuses_it"],
        "tensor": [_read, _as_lists, _by_struct],
        "power": [
            lambda frame: max(-80.0, 20 * np.log10(np.sqrt(np.mean(frame**2)) + 1e-30)),
            lambda frame: [10 * np.log10(np.maximum(np.dot(frame, frame) / len(frame), 1e-8))],
            lambda frame: np.clip(10 * np.log10(np.var(frame) + np.mean(frame) ** 2), -80, 0),
        ],
        "parcels": [
            {
                "A": "Weights are missing",
                "B": "could_run_code",
                "C": " no right to pass it on",
                "D": "NOTHING",
            },
        ],
    }


def wrong():
    """{exercise: [(plausible wrong answer, words of the hint that fits it)]}."""
    named = right()["parcels"][0]
    floor = 1e-8

    def power(frame):
        return 10 * np.log10(max(np.mean(frame**2), floor))

    return {
        "plugin": [
            ("it plays it", "wants loudness"),
            ("it plays it too slowly", "another size"),
            ("it crashes", "not among the words"),
            (50, "of type int"),
        ],
        "tensor": [
            (lambda data, name: _read(data, name, shaped=False), "in one row"),
            (lambda data, name: _read(data, name, start=lambda end: 0), "end of the header"),
            (lambda data, name: _read(data, name, start=lambda end: end - 8), "8 bytes later"),
            (lambda data, name: _read(data, name, first=True), "first array"),
            (lambda data, name: _read(data, name, order="F"), "another order"),
            (lambda data, name: _read(data, name).T, "another order"),
            (_wrong_size("F16"), "half as many"),
            (_wrong_size("F32"), "twice as many"),
            (lambda data, name: data[8:40], "bytes"),
            (lambda data, name: _header(data)[0][name], "of type dict"),
            (lambda data, name: json.loads(data)[name], "stops with"),
            (lambda data, name: _read(data, name) + 1, "too high"),
            ("kernel", "should be a function"),
        ],
        "power": [
            (lambda frame: 2 * power(frame), "twice as many"),
            (lambda frame: power(frame) / 2, "half as many"),
            (lambda frame: 10 * np.log10(max(np.sum(frame**2), floor)), "adds the squares up"),
            (lambda frame: -power(frame), "wrong sign"),
            (lambda frame: np.mean(frame**2), "as it is"),
            (lambda frame: 20 * np.log10(max(np.abs(frame).max(), 1e-4)), "peak"),
            (lambda frame: 20 * np.log10(max(np.mean(np.abs(frame)), 1e-4)), "mean magnitude"),
            (lambda frame: 10 * np.log(max(np.mean(frame**2), floor)), "natural logarithm"),
            (lambda frame: power(frame * np.hanning(1024)), "counts all samples alike"),
            (lambda frame: 10 * np.log10(np.mean(frame**2)), "no logarithm"),
            (lambda frame: 10 * np.log10(np.mean(frame**2) + 1e-30), "lowest power"),
            (lambda frame: 10 * np.log10(np.maximum(np.mean(frame**2), 1e-6)), "below the floor"),
            (lambda frame: frame**2, "shape"),
            (-80, "should be a function"),
        ],
        "parcels": [
            ({**named, "A": "nothing"}, "Where is the data?"),
            ({**named, "A": "statistics are missing"}, "in the list"),
            ({**named, "B": "nothing"}, "first line"),
            ({**named, "B": "weights are missing"}, "speaks of"),
            ({**named, "C": "nothing"}, "whose playing"),
            ({**named, "C": "could run code"}, "parts of ddsp alone"),
            ({**named, "D": "could run code"}, "not opened"),
            ({**named, "D": "no right to pass it on"}, "under which licence"),
            ({"A": "weights are missing"}, "says nothing about 'B'"),
            ("nothing", "a dictionary"),
        ],
    }
