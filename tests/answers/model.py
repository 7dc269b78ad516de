import numpy as np

X_Z, X_R, X_H = np.array([[2.0, -1.0], [0.5, -2.0], [0.3, 1.2]])
H_Z, H_R, H_H = np.array([[0.5, -0.5], [-1.0, 0.4], [0.8, -0.6]])
H = np.array([0.9, -0.7])

T = np.arange(8000) / 16000
_WAVES = sum(np.sin(2 * np.pi * 220 * k * T) / k for k in range(1, 9))
_HISS = 0.02 * np.random.default_rng(6).normal(size=8000)
SOUND = 0.2 * np.exp(-4 * T) * (_WAVES + _HISS)

NOTE = 0.3 * np.exp(-8 * T) * np.sin(2 * np.pi * 330 * T)
IMPULSE = 0.05 * np.exp(-np.arange(4000) / 800) * np.random.default_rng(7).normal(size=4000)
IMPULSE[0] = 0.5
PADDED = np.pad(NOTE, (0, 4000))


def sigmoid(x):
    return 0.5 + 0.5 * np.tanh(x / 2)


def turned(degrees):
    spectrum = np.fft.rfft(SOUND)
    return np.fft.irfft(spectrum * np.exp(1j * np.radians(degrees)), len(SOUND))


def answered(impulse):
    """The room's answer to the note, with its tail, (12000,)."""
    return np.r_[np.convolve(NOTE, impulse), 0]


def right():
    """{exercise: [answers that are right, though written in another way than the solution]}."""
    from ddsp_course import _tensorflow

    tf, ddsp = _tensorflow.load(), _tensorflow.load_ddsp()
    z, r = sigmoid(X_Z + H_Z), sigmoid(X_R + H_R)
    new = np.tanh(X_H + r * H_H)
    masked = np.r_[0, IMPULSE[1:]]
    spectrum = np.fft.rfft(PADDED, 16000) * np.fft.rfft(np.r_[1, IMPULSE[1:]], 16000)
    # A GRU of Keras whose weights are 0, and whose biases are the shares.
    layer = tf.keras.layers.GRU(2)
    layer.build((None, None, 1))
    bias = np.array([np.r_[X_Z, X_R, X_H], np.r_[H_Z, H_R, H_H]])
    layer.set_weights([np.zeros((1, 6)), np.zeros((2, 6)), bias])
    by_keras = layer(np.zeros((1, 1, 1), np.float32), initial_state=tf.constant([H], tf.float32))
    wet = ddsp.effects.Reverb(add_dry=False)(PADDED[None], IMPULSE[None])[0]
    return {
        "gru_frame": [
            new + z * (H - new),
            [float(a * b + (1 - a) * c) for a, b, c in zip(z, H, new, strict=True)],
            by_keras[0],
        ],
        "fading": [
            np.log(10) / -np.log(0.99) * 0.004,
            np.array([229.1 / 250], np.float32),
            np.argmax(0.99 ** np.arange(1000) < 0.1) / 250,
        ],
        "copy": [turned(90), turned(180), turned(-120).astype(np.float32), tf.constant(-SOUND)],
        "room": [
            PADDED + answered(masked),
            np.fft.irfft(spectrum, 16000)[:12000],
            PADDED + wet,
        ],
    }


def wrong():
    """{exercise: [(plausible wrong answer, words of the hint that fits it)]}."""
    z, r = sigmoid(X_Z + H_Z), sigmoid(X_R + H_R)
    new = np.tanh(X_H + r * H_H)
    frames = np.log(0.1) / np.log(0.99)
    masked = np.r_[0, IMPULSE[1:]]
    sharp = sum(np.sin(2 * np.pi * 220 * k * T * 2 ** (30 / 1200)) / k for k in range(1, 9))
    return {
        "gru_frame": [
            ((1 - z) * H + z * new, "turned round"),
            (r * H + (1 - r) * np.tanh(X_H + z * H_H), "gates are swapped"),
            (z * H + (1 - z) * np.tanh(X_H + H_H), "coloured by all of the note before"),
            (z * H + (1 - z) * np.tanh(r * (X_H + H_H)), "would not hear a new note"),
            (new, "jump from frame to frame"),
            (z * H + (1 - z) * (X_H + r * H_H), "grow without end"),
            (z * H + (1 - z) * sigmoid(X_H + r * H_H), "never be below 0"),
            ((X_Z + H_Z) * H + (1 - X_Z - H_Z) * np.tanh(X_H + (X_R + H_R) * H_H), "bursts"),
            (z * H + new, "adds up to more than 1"),
            (z * H, "of the numbers are off"),
            (H[:1], "one too few of units"),
        ],
        "fading": [
            (frames, "these are frames"),
            (1000 * frames / 250, "milliseconds"),
            (frames / 16000, "hear a click"),
            (frames / 500, "half as long"),
            (1 / -np.log(0.99) / 250, "time constant"),
            (np.log(0.5) / np.log(0.99) / 250, "half is left"),
            (np.log(0.9) / np.log(0.99) / 250, "a tenth gone"),
            (90 / 250, "straight line"),
            (-frames / 250, "forgotten before it is played"),
            (2.0, "0.0066 of the memory would be left"),
            ("long", "numbers are asked for"),
        ],
        "copy": [
            (SOUND, "the same sound"),
            (np.zeros(8000), "that is silence"),
            (2 * SOUND, "6.0 dB too loud"),
            (SOUND[::-1], "now swells"),
            (turned(45), "turn the phase further"),
            (np.roll(SOUND, 1), "turn the phase further"),
            (0.2 * np.exp(-4 * T) * (sharp + _HISS), "sounds different"),
            (SOUND[:-1], "one too few of samples"),
        ],
        "room": [
            ((PADDED + answered(masked))[:8000], "the tail is cut off"),
            (answered(masked), "add the dry sound"),
            (PADDED, "the room is silent"),
            (PADDED + answered(IMPULSE), "one and a half times"),
            (answered(IMPULSE), "half as loud as it should be"),
            (PADDED + answered(IMPULSE[::-1]), "swells before it dies"),
            ((PADDED + answered(masked)) / 2, "6 dB too soft"),
            (np.roll(PADDED + answered(masked), 1), "one sample too late"),
            (np.convolve(NOTE, np.r_[1, IMPULSE[1:]]), "one too few of samples"),
        ],
    }
