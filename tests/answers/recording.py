import base64
import io
import struct

import numpy as np

N = np.arange(16000)
LEFT, RIGHT = (0.5 * np.sin(2 * np.pi * hz / 16000 * N) for hz in (440, 660))
WHOLE = np.round(32768 * np.stack([LEFT, RIGHT], axis=1)).astype("<i2")
RAW = WHOLE.tobytes()
T = np.arange(48000) / 48000
LOW, HIGH = (0.3 * np.sin(2 * np.pi * hz * T) for hz in (1000, 13000))


def header(
    order="<", to_come=None, fmt=b"fmt ", channels=2, rate=48000, per_second=None, moment=4, bits=16
):
    n_bytes = 192000
    to_come = 36 + n_bytes if to_come is None else to_come
    per_second = n_bytes if per_second is None else per_second
    return struct.pack(
        f"{order}4sI4s{len(fmt)}sIHHIIHH4sI",
        *(b"RIFF", to_come, b"WAVE"),
        *(fmt, 16, 1, channels, rate, per_second, moment, bits),
        *(b"data", n_bytes),
    )


def by_wave(n_samples=48000):
    import wave

    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(2)
        out.setsampwidth(2)
        out.setframerate(48000)
        out.writeframes(b"\0" * 4 * n_samples)
    return file.getvalue()


def filtered(taps=255):
    """Every third sample after a windowed sinc."""
    n = np.arange(taps) - taps // 2
    h = np.sinc(n / 3 * 0.9) * np.hamming(taps)
    return np.convolve(LOW + HIGH, h / h.sum(), "same")[::3]


def right():
    """{exercise: [answers that are right, though written in another way than the solution]}."""
    import librosa
    import scipy.signal

    mono = 0.5 * LEFT + 0.5 * RIGHT
    data = base64.b64decode(base64.b64encode(RAW))
    by_struct = np.array(struct.unpack("<32000h", data)) / 32768
    return {
        "samples": [mono, mono.astype(np.float32), list(0.5 * (by_struct[::2] + by_struct[1::2]))],
        "header": [by_wave()[:44], bytearray(header())],
        "resampled": [
            filtered(),
            scipy.signal.resample_poly(LOW + HIGH, 1, 3),
            librosa.resample(LOW + HIGH, orig_sr=48000, target_sr=16000),
            LOW[::3],
        ],
        "gain": [20.0, np.array([20.01]), 20 * np.log10(1 / 0.1)],
    }


def wrong():
    """{exercise: [(plausible wrong answer, words of the hint that fits it)]}."""
    mono = WHOLE.mean(axis=1) / 32768
    swapped = np.frombuffer(RAW, ">i2").reshape(-1, 2).mean(axis=1) / 32768
    sliced = (LOW + HIGH)[::3]
    return {
        "samples": [
            (32768 * mono, "90 dB too loud"),
            (WHOLE.sum(axis=1) / 32768, "6 dB too loud"),
            (0.5 * mono, "6 dB too soft"),
            (WHOLE.ravel() / 32768, "half speed, an octave too low"),
            (WHOLE.ravel(), "half speed, an octave too low"),
            (WHOLE / 32768, "still stereo"),
            (WHOLE.reshape(2, -1).mean(axis=0) / 32768, "both halves sound at once"),
            (swapped, "the byte order is wrong"),
            (np.frombuffer(RAW, np.uint8) / 128.0 - 1, "each byte became a number"),
            (WHOLE[:, 0] / 32768, "only the left"),
            (WHOLE[:, 1] / 32768, "only the right"),
            (np.r_[np.zeros(22), mono[:-22]], "of the numbers are off"),
            (base64.b64encode(RAW).decode(), "numbers are asked for"),
        ],
        "header": [
            (header(order=">"), "wrong order"),
            (header(channels=1), "at half speed"),
            (header(rate=16000), "0.33 times as fast"),
            (header(moment=2), "Two channels of two bytes each"),
            (header(per_second=96000), "rate times channels times two bytes"),
            (header(bits=2), "these are bytes"),
            (header(bits=8), "samples are noise"),
            (header(to_come=192000), "the rest of the header counts"),
            (header(to_come=192044), "eight too many"),
            (header(fmt=b"fmt"), "there is a space behind it"),
            (header(fmt=b"fmt\0"), "'fmt' and a space"),
            (by_wave(), "this is a whole file"),
            (b"RIFX" + header()[4:], "high byte first"),
            (header()[:40] + struct.pack("<I", 96000), "It would end after 0.5 s"),
            ("RIFF", "bytes are asked for"),
            (header()[8:], "finds no RIFF"),
        ],
        "resampled": [
            (sliced, "whistles at 3 kHz, as loud as the tone"),
            ((LOW + HIGH).reshape(-1, 3).mean(axis=1), "still whistles at 3 kHz"),
            (LOW + HIGH, "still has 48 000 samples"),
            (LOW[:16000], "another pitch"),
            (np.zeros(16000), "not heard any more"),
            (3 * filtered(), "9.5 dB too loud"),
            (filtered()[:-1], "one too few of samples"),
            (LOW[::3] + 0.1 * np.sin(N), "something else is heard"),
        ],
        "gain": [
            (16.48, "the offset still takes room"),
            (-20, "make it softer"),
            (10, "decibels are asked for"),
            (23.01, "for the RMS"),
            (12, "still room: 8.0 dB too soft"),
            (30, "would be cut off: 10.0 dB too loud"),
        ],
    }
