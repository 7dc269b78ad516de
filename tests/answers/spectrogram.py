import numpy as np

FAULTS = {"A": "normalised", "B": "phases lost", "C": "too few bits", "D": "wrapped around"}
DB = 20 / np.log(10)


def magnitude(sound, size, window=np.hanning, hop=None, fft=None, pad=8192):
    """(frames, bins)"""
    hop = hop or size // 4
    fft = fft or 2 ** int(np.ceil(np.log2(size)))
    padded = np.pad(sound, (0, pad))
    frames = [padded[i : i + size] * window(size) for i in range(0, len(sound), hop)]
    return np.abs(np.fft.rfft(frames, fft))


def picture(change=lambda db, size: db, turn=lambda m: m.T[::-1], **settings):
    """An answer: decibels below a full sine, changed and turned."""

    def function(sound, size):
        db = 20 * np.log10(magnitude(sound, size, **settings) + 1e-6) - 20 * np.log10(size / 4)
        return turn(change(db, size))

    return function


def full(size):
    return 20 * np.log10(size / 4)


def by_ddsp(sound, size):
    from ddsp_course import _tensorflow

    nepers = _tensorflow.load_ddsp().spectral_ops.compute_logmag(sound, size=size)
    return np.rot90(DB * (nepers - np.log(size / 4)))


def by_tensorflow(sound, size):
    from ddsp_course import _tensorflow

    tf = _tensorflow.load()
    found = tf.abs(tf.signal.stft(sound, size, size // 4, pad_end=True)) + 1e-6
    return tf.image.rot90((20 * np.log10(found / (size / 4)))[..., None])[..., 0]


def centred(sound, size):
    import librosa

    n_fft = 2 ** int(np.ceil(np.log2(size)))
    found = np.abs(librosa.stft(sound, n_fft=n_fft, hop_length=size // 4, win_length=size))
    return 20 * np.log10(found + 1e-6)[::-1] - full(size)


def of_librosa(sound, size):
    import librosa

    n_fft, hop = 2 ** int(np.ceil(np.log2(size))), size // 4
    # In a longer FFT librosa puts the frame in the middle, so it is given its frames one by one.
    n_frames = -(-len(sound) // hop)
    padded = np.pad(sound, (0, size + n_fft))
    frames = [
        librosa.stft(padded[m * hop : m * hop + n_fft] * np.r_[np.ones(size), np.zeros(n_fft - size)],
                     n_fft=n_fft, window=np.r_[0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size),
                                               np.zeros(n_fft - size)], center=False)[:, 0]
        for m in range(n_frames)
    ]  # fmt: skip
    return librosa.amplitude_to_db(np.abs(frames).T[::-1], ref=size / 4, amin=1e-6, top_db=None)


def whole(scale=32767, clip=True, kind=np.int16):
    def function(sound):
        sound = np.clip(sound, -1, 1) if clip else sound
        return np.round(scale * sound).astype(np.int64).astype(kind)

    return function


def right():
    """{exercise: [answers that are right, though written in another way than the solution]}."""
    return {
        "zeros": ["1", 1, 1.0, [1]],
        "picture": [picture(), by_ddsp, by_tensorflow, of_librosa],
        "limits": [[-2.97, 6.24], np.array([6.238 - 9.21, 6.238])],
        "place": [[896, 30], (896.0, 30.0)],
        "sixteen_bits": [
            lambda sound: (np.clip(sound, -1, 1) * 32767).astype(np.int16),
            lambda sound: np.clip(np.round(sound * 32768), -32768, 32767).astype("<i2"),
            lambda sound: whole()(sound).astype(">i2"),
            lambda sound: np.int16(np.clip(32767 * sound, -32767, 32767))[None],
        ],
        "faults": [{player: fault.upper() for player, fault in FAULTS.items()}],
    }


def wrong():
    """{exercise: [(plausible wrong answer, words of the hint that fits it)]}."""
    chord = sum(0.5 * np.sin(2 * np.pi * hz * np.arange(16000) / 16000) for hz in (262, 330, 392))
    return {
        "zeros": [
            ("2", "nothing about the tones"),
            (3, "among the words"),
            ([1, 2], "the shape is (2,)"),
        ],
        "picture": [
            (picture()(chord, 1024), "should be a function"),
            (lambda sound, size: magnitude(sound, size).T[::-1], "the logarithm is missing"),
            (picture(turn=lambda m: m.T), "upside down: row 0"),
            (picture(turn=lambda m: m.T[::-1, ::-1]), "it runs backwards"),
            (picture(turn=lambda m: np.rot90(m, k=-1)), "clockwise"),
            (picture(turn=lambda m: m), "time runs downwards"),
            (centred, "half a frame too late"),
            (
                lambda sound, size: centred(sound, size)[:, : -(-len(sound) // (size // 4))],
                "half a frame",
            ),
            (
                lambda sound, size: np.rot90(np.log(magnitude(sound, size) + 1e-6)),
                "as specplot has them",
            ),
            (picture(lambda db, size: db / DB), "nepers below a full sine"),
            (picture(lambda db, size: db + full(size)), "Subtract it"),
            (picture(lambda db, size: db - 6.02), "N / 2"),
            (picture(lambda db, size: db - 12.04), "magnitude N:"),
            (picture(lambda db, size: db - db.max()), "the loudest cell"),
            (picture(lambda db, size: db / 2), "10 log10 is for powers"),
            (picture(lambda db, size: 2 * db), "20 log10 of the power"),
            (picture(lambda db, size: db + full(size) - full(size) / DB), "nepers from decibels"),
            (picture(lambda db, size: (db + full(size)) / DB - full(size)), "decibels from nepers"),
            (picture(lambda db, size: db + 3), "3.0 dB too high"),
            (picture(lambda db, size: db + full(size) - full(1024)), "noise of 5000 samples"),
            (
                picture(lambda db, size: db + (full(size) - full(1024)) * (size == 768)),
                "add nothing to its sum",
            ),
            (picture(window=np.ones), "no window"),
            (picture(window=np.hamming), "Hamming's"),
            (lambda sound, size: picture(hop=size // 2)(sound, size), "an overlap of 0.5"),
            (lambda sound, size: picture()(sound, size)[:, :-5], "shape"),
            (lambda sound, size: picture()(sound, size)[:, :-4], "zeros should fill"),
            (picture(fft=2048), "an FFT of 2048"),
            (lambda sound, size: picture(fft=size)(sound, size), "next power of two"),
            (lambda sound, size: -50 * np.ones_like(by_ddsp(sound, size)), "other levels"),
        ],
        "limits": [
            ([6.24, -2.97], "swapped"),
            ([-80, 0], "in decibels"),
            ([-9.21, 0], "far below a full sine"),
            ([6.24 - 18.42, 6.24], "160 dB"),
            ([np.log(256) - 9.21, np.log(256)], "frames of 1024"),
            ([np.log(2048) - 9.21, np.log(2048)], "12 dB too high"),
            ([np.log(1024) - 9.21, np.log(1024)], "negative frequencies"),
            ([-5, 6.24], "98 dB below it"),
            ([-1.3, 2.709], "base 10"),
            ([-5, 1], "45 dB below a full sine"),
            ([-3], "one too few limits"),
        ],
        "place": [
            ([30, 896], "swapped"),
            ([128, 30], "7 kHz"),
            ([895, 30], "one row too high"),
            ([897, 30], "one row too low"),
            ([896, 31], "the first frame is column 0"),
            ([896, 28], "the middle of that frame"),
            ([896, 240], "250 frames a second"),
            ([960, 30], "an octave too low"),
            ([1000, 30], "188 Hz"),
            ([896, 29], "begins at 0.93 s"),
            ([896, 31.25], "whole numbers"),
        ],
        "sixteen_bits": [
            (whole()(chord), "should be a function"),
            (lambda sound: whole()(chord), "for a soft chord"),
            (whole(clip=False), "it crackles"),
            (lambda sound: (32767 * sound).astype(np.int64).astype(np.int16), "it crackles"),
            (lambda sound: sound.astype(np.int16), "it is silent"),
            (whole(kind=float), "32 768 times too loud"),
            (whole(kind=np.int32), "int32"),
            (whole(kind=np.uint16), "no sign"),
            (lambda sound: whole()(sound).tolist(), "A list of whole numbers becomes int64"),
            (lambda sound: whole(clip=False)(sound / np.abs(sound).max()), "as loud as before"),
            (whole(clip=False, kind=np.int32), "beyond 32 767"),
            (lambda sound: sound, "numbers up to 1"),
            (lambda sound: np.clip(sound, -1, 1), "not yet scaled"),
            (whole(scale=127), "a 1 becomes"),
            (lambda sound: whole()(sound)[:-1], "one too few samples"),
            (lambda sound: whole()(sound[::-1]), "another wave"),
            (lambda sound: sound.tolist() and None, "returns nothing"),
        ],
        "faults": [
            ({**FAULTS, "A": "clipped"}, "'A': then the loud half would be harsher"),
            ({**FAULTS, "B": "upside down"}, "'B': then low notes"),
            ({**FAULTS, "C": "phases lost"}, "'C': then both halves"),
            ({**FAULTS, "D": "too few bits"}, "'D': then the soft half"),
            ({**FAULTS, "D": "normalised"}, "as loud as the first"),
            (["A"], "a dictionary"),
        ],
    }
