import numpy as np

T = np.arange(16000) / 16000
K = np.arange(1, 21)
TIME = np.arange(500) / 250
FIFTH = 440 * 2 ** (7 / 12)


def tone(hz):
    return 0.5 * np.sin(2 * np.pi * hz * T)


def swaying(cents=200, rate=5.0, time=TIME):
    return 440 * 2 ** (cents * np.sin(2 * np.pi * rate * time) / 1200)


def below(f0_hz, amplitudes=1 / K):
    return np.where(f0_hz * K < 8000, amplitudes, 0)


def rms(sound):
    return np.sqrt(np.mean(np.square(sound)))


def by_spectra(note, wanted):
    """Descend on one number, as the lesson does, by magnitudes of one frame."""
    a, b = (np.abs(np.fft.rfft(one * np.hanning(len(one)))) for one in (note, wanted))
    gain = 3.0
    for _ in range(60):
        gain -= 0.2 * 2 * np.mean((gain * a - b) * a) / np.mean(a * a)
    return gain


def right():
    """{exercise: [answers that are right, though written in another way than the solution]}."""
    return {
        "fifth": [
            0.5 * np.cos(2 * np.pi * FIFTH * T),
            list(0.5 * np.sin(2 * np.pi * 659.26 * T + 1)),
            tone(660).astype(np.float32),
            tone(FIFTH).round(3),
            0.5 * np.sin(np.cumsum(np.full(16000, 2 * np.pi * FIFTH / 16000))),
        ],
        "vibrato": [
            440 * np.exp2(200 / 1200 * np.cos(2 * np.pi * 5 * TIME)),
            swaying().round(1),
            440 * np.exp2(1 / 6 * np.sin(2 * np.pi * 5 * np.linspace(0, 2, 500, endpoint=False))),
            np.squeeze(swaying(time=TIME + 0.002)),
        ],
        "sawtooth": [
            lambda f0_hz: [1 / k if f0_hz * k < 8000 else 0 for k in range(1, 21)],
            lambda f0_hz: below(f0_hz, -((-1.0) ** K) / K),
            lambda f0_hz: below(f0_hz).round(3),
            lambda f0_hz: below(f0_hz).round(2),
            lambda f0_hz: below(f0_hz)[None, None],
            lambda f0_hz: np.where(f0_hz * K <= 8000, 1 / K, 0),
        ],
        "flipped": ["zero", " Zero"],
        "gain": [
            lambda note, wanted: np.std(wanted) / np.std(note),
            lambda note, wanted: np.linalg.norm(wanted) / np.linalg.norm(note),
            lambda note, wanted: [[rms(wanted) / rms(note)]],
            by_spectra,
            lambda note, wanted: (
                np.abs(np.fft.rfft(wanted)).max() / np.abs(np.fft.rfft(note)).max()
            ),
        ],
        "faults": [
            {
                "A": "Clicks",
                "B": "phase_not_summed",
                "C": "ALIASING",
                "D": "even harmonics  missing",
            },
        ],
    }


def wrong():
    """{exercise: [(plausible wrong answer, words of the hint that fits it)]}."""
    named = right()["faults"][0]
    return {
        "fifth": [
            (0.5 * np.sin(FIFTH * T), "2 π is missing"),
            (0.5 * np.sin(2 * np.pi * FIFTH * np.arange(16000) / 44100), "too low"),
            (tone(2 * FIFTH), "an octave too high"),
            (tone(440), "A4 itself"),
            (tone(447), "seven hertz"),
            (tone(440 * 2 ** (7 / 1200)), "seven cents"),
            (tone(440 * 19 / 12), "equal steps in hertz"),
            (tone(440 * (1 + 7 * (2 ** (1 / 12) - 1))), "seventh power"),
            (tone(440 * 2 ** (6 / 12)), "100 cents flat"),
            (tone(440 * 2 ** (5 / 12)), "semitones too low"),
            (tone(FIFTH * 2 ** (12 / 1200)), "12 cents sharp"),
            (2 * tone(FIFTH), "6.0 dB too loud"),
            (0.5 * np.sign(tone(FIFTH)), "one frequency alone"),
            (tone(FIFTH) * np.hanning(16000), "loudness changes"),
            (tone(FIFTH) * np.exp(-3 * T), "loudness changes"),
            (tone(FIFTH)[:-1], "one too few samples"),
            (FIFTH, "shape"),
            (None, "nothing (None)"),
        ],
        "vibrato": [
            (440 + 53.9 * np.sin(2 * np.pi * 5 * TIME), "as many hertz up as down"),
            (440 + 200 * np.sin(2 * np.pi * 5 * TIME), "as many hertz up as down"),
            (swaying(200 * 100), "200 semitones"),
            (440 * 2 ** (200 * np.sin(5 * TIME) / 1200), "2 π is missing"),
            (swaying(100), "to each side"),
            (swaying(2), "two cents"),
            (swaying(300), "too wide"),
            (swaying(194), "too narrow"),
            (2 * swaying(), "an octave too high"),
            (200 * np.sin(2 * np.pi * 5 * TIME), "above zero"),
            (440 * 2 ** (np.sign(np.sin(2 * np.pi * 5 * TIME + 0.01)) / 6), "trill"),
            (np.where(TIME < 1.5, 440, swaying()), "depth changes"),
            (swaying(200 * np.linspace(0, 1, 500)), "depth changes"),
            (swaying(time=np.linspace(0, 2, 500)), "endpoint=False"),
            (swaying(rate=5.15), "sine of five hertz"),
            (swaying(rate=6), "6.0 times a second"),
            (swaying()[:250], "shape"),
            (np.full(500, 440.0), "does not sway"),
        ],
        "sawtooth": [
            (lambda f0_hz: 1 / K, "energy above Nyquist"),
            (lambda f0_hz: below(440), "muted, although"),
            (lambda f0_hz: below(2 * f0_hz), "below Nyquist"),
            (lambda f0_hz: np.where(K < 19, 1 / K, 0), "muted, although"),
            (lambda f0_hz: np.where(f0_hz * K < 16000, 1 / K, 0), "energy above Nyquist"),
            (lambda f0_hz: below(f0_hz, 1 / K**2), "too dull"),
            (lambda f0_hz: below(f0_hz, 1.0), "equally loud"),
            (lambda f0_hz: below(f0_hz, (K % 2) / K), "hollow"),
            (lambda f0_hz: below(f0_hz, 0.5 ** (K - 1)), "half as loud"),
            (lambda f0_hz: below(f0_hz, 1 / (K + 1)), "k = 1"),
            (lambda f0_hz: below(f0_hz) / below(f0_hz).sum(), "first amplitude"),
            (lambda f0_hz: below(f0_hz, 1 / np.sqrt(K)), "1 / k as loud"),
            (lambda f0_hz: below(f0_hz, np.cos(K**2) / np.cos(1)), "1 / k as loud"),
            (lambda f0_hz: below(f0_hz, np.where(K % 3, 1, -1) / K), "signs are mixed"),
            (lambda f0_hz: 1 / np.arange(20), "divide by zero"),
            (lambda f0_hz: below(f0_hz)[:10], "shape"),
            (below(440), "should be a function"),
        ],
        "flipped": [
            ("one half", "sample with sample"),
            ("minus one half", "cannot be negative"),
            ("one", "shrink or grow"),
            ("0.5", "not among the words"),
            (0, "of type int"),
        ],
        "gain": [
            (lambda note, wanted: 0.5, "other pairs"),
            (lambda note, wanted: (note @ wanted) / (note @ note), "comparing samples gives"),
            (
                lambda note, wanted: max(0, (note @ wanted) / (note @ note)),
                "upside down",
            ),
            (lambda note, wanted: abs(note @ wanted) / (note @ note), "quarter of a period"),
            (lambda note, wanted: np.ptp(wanted) / np.ptp(note), "too loud"),
            (lambda note, wanted: np.max(wanted) / np.max(note), "too soft"),
            (lambda note, wanted: np.abs(wanted).max() / np.abs(note).max(), "compares the peaks"),
            (lambda note, wanted: np.abs(wanted).mean() / np.abs(note).mean(), "quarter"),
            (lambda note, wanted: (rms(wanted) / rms(note)) ** 2, "square root"),
            (lambda note, wanted: rms(note) / rms(wanted), "other way round"),
            (lambda note, wanted: wanted / note, "shape"),
            (lambda note: 0.5, "TypeError"),
            (0.5, "should be a function"),
        ],
        "faults": [
            ({**named, "A": "noise"}, "four times a second"),
            ({**named, "A": "phase not summed"}, "octave above"),
            ({**named, "B": "aliasing"}, "no line in its picture turns back"),
            ({**named, "C": "clicks"}, "vertical"),
            ({**named, "D": "noise"}, "stays dark"),
            ({**named, "C": "even harmonics missing"}, "second harmonic"),
            ({**named, "D": "distortion"}, "not among the words"),
            (["clicks"], "a dictionary"),
        ],
    }
