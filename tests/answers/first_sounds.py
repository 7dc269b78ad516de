import numpy as np

T = np.arange(16000) / 16000
K = np.arange(1, 21)
TIME = np.arange(500) / 250


def right():
    """{exercise: [answers that are right, though written in another way than the solution]}."""
    return {
        "sine": [0.5 * np.cos(2 * np.pi * 440 * T), list(0.5 * np.sin(2 * np.pi * 440 * T + 1))],
        "sawtooth": [[1 / k if 440 * k < 8000 else 0 for k in K]],
        "vibrato": [440 * np.exp2(50 / 1200 * np.cos(2 * np.pi * 5 * TIME))],
    }


def wrong():
    """{exercise: [(plausible wrong answer, words of the hint that fits it)]}."""
    return {
        "sine": [
            (0.5 * np.sin(440 * T), "2 π is missing"),
            (0.5 * np.sin(2 * np.pi * 440 * np.arange(16000) / 44100), "too low"),
            (0.5 * np.sin(2 * np.pi * 880 * T), "an octave too high"),
            (0.5 * np.sin(2 * np.pi * 430 * T), "40 cents flat"),
            (np.sin(2 * np.pi * 440 * T), "6.0 dB too loud"),
            (0.5 * np.sign(np.sin(2 * np.pi * 440 * T)), "one frequency alone"),
            (0.5 * np.sin(2 * np.pi * 440 * T[:-1]), "one too few of samples"),
            (None, "nothing (None)"),
        ],
        "sawtooth": [
            (1 / K, "energy above Nyquist"),
            (np.where(440 * K < 8000, 1 / K**2, 0), "too dull"),
            (np.where(440 * K < 8000, 1.0, 0), "equally loud"),
            (np.where(K % 2 == 1, 1 / K, 0) * (440 * K < 8000), "hollow"),
            (1 / (K + 1), "k = 1"),
            (0.5 * np.where(440 * K < 8000, 1 / K, 0), "first amplitude"),
            (np.r_[np.inf, 1 / K[:-1]], "divided by zero"),
        ],
        "vibrato": [
            (440 + 50 * np.sin(2 * np.pi * 5 * TIME), "middle of the vibrato"),
            (440 * 2 ** (50 * np.sin(2 * np.pi * 5 * TIME) / 12), "semitone"),
            (440 * 2 ** (50 * np.sin(5 * TIME) / 1200), "2 π missing"),
            (440 * 2 ** (25 * np.sin(2 * np.pi * 5 * TIME) / 1200), "depth is 25 cents"),
            (880 * 2 ** (50 * np.sin(2 * np.pi * 5 * TIME) / 1200), "an octave too high"),
            (50 * np.sin(2 * np.pi * 5 * TIME), "above zero"),
        ],
    }
