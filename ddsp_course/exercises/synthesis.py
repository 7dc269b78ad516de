"""Exercises of notebooks/02_timbre_transfer/08_from_controls_to_sound.ipynb."""

import numpy as np

from ddsp_course._tensorflow import ddsp
from ddsp_course.exercises import hints
from ddsp_course.units import HOP_SIZE, SAMPLE_RATE


def phases(answer):
    """A prediction: the spectral loss when each harmonic gets a random phase."""
    look = "run the next cell and compare."
    return hints.choice(
        answer,
        "between zero and new noise",
        ("zero", "between zero and new noise", "as high as silence"),
        {
            "zero": "turning all phases together leaves the magnitudes alone, but with random ones two "
            f"harmonics in one band may add up or cancel: {look}",
            "as high as silence": "each harmonic is still there and as loud as before: " + look,
        },
    )


def bands(function):
    """A function (low_hz, high_hz, n_bands) -> magnitudes: 1 between the limits, 0 elsewhere."""
    for low_hz, high_hz, n_bands in (
        (2030, 3070, 65),
        (90, 515, 65),
        (990, 4010, 17),
        (-5, 8005, 9),
    ):
        made, wrong = hints.call(function, low_hz, high_hz, n_bands)
        wrong = (
            wrong or hints.numbers(made) or hints.shape(np.squeeze(made), (n_bands,), ("bands",))
        )
        wrong = wrong or _wrong_bands(np.squeeze(np.asarray(made, float)), low_hz, high_hz, n_bands)
        if wrong:
            return f"from {low_hz} to {high_hz} Hz, with {n_bands} bands: {wrong}"
    return None


def copy(function):
    """A function (n,) -> (n,): a copy that fools the waveform loss but not the spectral loss."""
    for f0_hz, n_samples, seed in ((220, 8000, 6), (333, 6000, 1), (130, 12000, 2)):
        sound = _buzz(f0_hz, n_samples, seed)
        made, wrong = hints.call(function, sound)
        wrong = wrong or hints.numbers(made)
        wrong = wrong or hints.shape(np.squeeze(made), sound.shape, ("samples",))
        wrong = wrong or _wrong_copy(np.squeeze(np.asarray(made, float)), sound)
        if wrong:
            return f"for a buzz at {f0_hz} Hz: {wrong}"
    return None


def clap(function):
    """A function (play_in, n) -> (n,): the impulse response of the room that `play_in` plays in."""
    for n, seed in ((4000, 7), (1500, 8)):
        impulse = _impulse(n, seed)
        found, wrong = hints.call(function, lambda sound, h=impulse: _in_room(sound, h), n)
        wrong = wrong or hints.numbers(found) or hints.shape(np.squeeze(found), (n,), ("samples",))
        wrong = wrong or _wrong_room(np.squeeze(np.asarray(found, float)), impulse)
        if wrong:
            return wrong
    return None


def faults(named):
    """{sound: its fault} for the three sounds of `faulty_sounds`."""
    return hints.choices(
        named,
        {"A": "response reversed", "B": "filter stands still", "C": "tail cut off"},
        (
            "tail cut off",
            "response reversed",
            "dry sound missing",
            "noise missing",
            "filter stands still",
        ),
        {
            "tail cut off": "then there would be silence as soon as the note ends.",
            "response reversed": "then the room would swell to its loudest and stop.",
            "dry sound missing": "then the note would have no clear beginning and sound far away.",
            "noise missing": "then there would be no breath between the harmonics.",
            "filter stands still": "then the breath would go on evenly after the note.",
        },
    )


def note_in_a_room():
    """Return a note with breath at its beginning, in a room, (32000,)."""
    note, breath = _note(), _breath()
    return _level(_in_room(note + breath, _long_room()))


def faulty_sounds():
    """Return {name: sound} of the three sounds that `faults` asks about, (32000,) each."""
    note, breath, room = _note(), _breath(), _long_room()
    still = _breath(moves=False)
    in_the_room = _in_room(note + breath, room)
    return {
        "A": _level(_in_room(note + breath, np.r_[0, room[:0:-1]])),
        "B": _level(_in_room(note, room) + still),
        "C": _level(np.where(np.arange(len(note)) < 8000, in_the_room, 0)),
    }


def _wrong_bands(made, low_hz, high_hz, n_bands):
    k = np.arange(n_bands)

    def between(hz):
        return ((hz >= low_hz) & (hz <= high_hz)).astype(float)

    right = between(k * 8000 / (n_bands - 1))
    if np.allclose(made, right, atol=1e-3):
        return None
    known = {
        "the bands are a little too low: the first is at 0 Hz and the last at 8000 Hz, so the step "
        "is 8000 / (n_bands - 1).": between(k * 8000 / n_bands),
        "the bands are half a band too high: the first is at 0 Hz.": between(
            (k + 0.5) * 8000 / n_bands
        ),
        "it is an octave too low: the bands end at 8000 Hz, half the sample rate.": between(
            k * 16000 / (n_bands - 1)
        ),
        "it is inverted: it cuts the bands that should pass and passes the rest.": 1 - right,
        "the upper limit is missing: all bands above the lower one pass.": (
            k * 8000 / (n_bands - 1) >= low_hz
        ),
        "the lower limit is missing: all bands below the upper one pass.": (
            k * 8000 / (n_bands - 1) <= high_hz
        ),
        "these are frequencies; the magnitudes should be 1 and 0.": k * 8000 / (n_bands - 1),
        "the limits are in Hz, but here they are compared with the numbers of the bands.": (
            (k >= low_hz) & (k <= high_hz)
        ),
    }
    wrong = hints.mistake(made, known, rtol=1e-3, atol=1e-3)
    if wrong:
        return wrong
    if not np.isin(np.round(made, 3), (0, 1)).all():
        return "a band has a magnitude other than 1 or 0: it either passes or is cut."
    band = int(np.flatnonzero(np.abs(made - right) > 1e-3)[0])
    does = "pass" if right[band] else "be cut"
    return f"band {band}, at {band * 8000 / (n_bands - 1):.0f} Hz, should {does}."


def _wrong_copy(made, sound):
    if np.abs(made).max() < 1e-6:
        return (
            "that is silence: its waveform loss is only the sound's power, but to the ear "
            "everything is gone."
        )
    waveform = np.mean((made - sound) ** 2) / np.mean(sound**2)
    if waveform < 1e-3:
        return "that is the same sound: the waveform loss finds no difference either."
    db = 10 * np.log10(np.mean(made**2) / np.mean(sound**2))
    if abs(db) > 1:
        return f"it is {hints.too_loud(db)}, which both losses notice. Keep the level."
    distance = _spectral_loss(sound, made)
    if distance > 1.5:
        if np.allclose(made, sound[::-1], atol=1e-3):
            return "it runs backwards: a note that dies away now swells. Change only the phase."
        return (
            f"the spectral loss is {distance:.1f} and should be below 1.5: it sounds different. "
            "Change only the phase."
        )
    if waveform <= 1:
        return (
            f"the waveform loss is {waveform:.2f} times that of silence and should be more than 1: "
            "turn the phase further."
        )
    return None


def _wrong_room(found, impulse):
    right, highest = impulse[1:], np.abs(impulse[1:]).max()
    # Playing noise and dividing by it leaves rounding errors; 1 % is 40 dB below the loudest echo.
    near = {"rtol": 0, "atol": 0.01 * highest}
    if np.allclose(found[1:], right, **near):
        return None
    if np.abs(found).max() < 1e-6:
        return "it is silent: play a click in the room."
    known = {
        "that is the room's response to a sound that goes on; a click is over after one sample.": (
            np.cumsum(np.r_[1, right])[1:]
        ),
    }
    if np.allclose(found[:-1], right[::-1], **near):
        return "it is reversed: the room would swell before it dies away."
    wrong = hints.mistake(found[1:], known, **near)
    if wrong:
        return wrong
    scale = float(found[1:] @ right / (right @ right))
    if abs(scale) > 1e-3 and np.allclose(
        found[1:], scale * right, rtol=0, atol=0.01 * abs(scale) * highest
    ):
        if scale < 0:
            return "it is upside down: did you subtract the response, or play a negative click?"
        db = 20 * np.log10(scale)
        return f"the room is {hints.too_loud(db)}: the click should be a single sample of 1."
    direct = np.r_[1, right]
    return hints.late(found, direct, unit="sample", most=64) or (
        "that is not this room's response: play a sound in which only the first sample is not 0."
    )


def _in_room(sound, impulse):
    """A sound in a room, cut to the sound's length like that of `ddsp.effects.Reverb`."""
    sound = np.squeeze(np.asarray(sound, float))
    n = len(sound) + len(impulse)
    answer = np.fft.irfft(np.fft.rfft(sound, n) * np.fft.rfft(np.r_[0, impulse[1:]], n), n)
    return sound + answer[: len(sound)]


def _impulse(n, seed):
    decay = 0.1 * np.exp(-np.arange(n) / (n / 5))
    return np.r_[0, (decay * np.random.default_rng(seed).normal(size=n))[1:]]


def _long_room():
    n = np.arange(12000)
    return 0.05 * 10 ** (-3 * n / 9600) * np.random.default_rng(4).normal(size=len(n))


def _note():
    """Half a second of eight harmonics, then silence, (32000,)."""
    n = np.arange(2 * SAMPLE_RATE)
    envelope = np.clip(np.minimum(n / 160, (8000 - n) / 400), 0, 1)
    waves = sum(np.sin(2 * np.pi * 330 * k * n / SAMPLE_RATE) / k for k in range(1, 9))
    return 0.3 * envelope * waves


def _breath(moves=True):
    """Noise that fades within 100 ms, or does not fade, (32000,)."""
    noise = np.random.default_rng(3).uniform(-1, 1, 2 * SAMPLE_RATE)
    hiss = 0.3 * np.diff(noise, append=0)
    return hiss * np.exp(-np.arange(len(hiss)) / 800) if moves else 0.3 * hiss


def _level(sound):
    sound = sound.copy()
    sound[-400:] *= np.linspace(1, 0, 400)
    return 0.5 * sound / np.abs(sound).max()


def _buzz(f0_hz, n_samples, seed):
    """Eight harmonics that die away, with a little hiss."""
    t = np.arange(n_samples) / SAMPLE_RATE
    waves = sum(np.sin(2 * np.pi * f0_hz * k * t) / k for k in range(1, 9))
    hiss = 0.02 * np.random.default_rng(seed).normal(size=n_samples)
    return 0.2 * np.exp(-4 * t) * (waves + hiss)


def _spectral_loss(target, sound):
    loss = ddsp.losses.SpectralLoss(mag_weight=1.0, logmag_weight=1.0)
    return float(loss(np.float32(target)[None], np.float32(sound)[None]))


def _breathed(function):
    magnitudes = np.squeeze(np.asarray(hints.read(function(2030, 3070, 65)), np.float32))
    frames = np.tile(magnitudes, (1, SAMPLE_RATE // HOP_SIZE, 1))
    noise = np.random.default_rng(0).uniform(-1, 1, (1, SAMPLE_RATE)).astype(np.float32)
    return 0.5 * ddsp.core.frequency_filter(noise, frames, window_size=0)[0]


def _both(function):
    sound = _buzz(220, 8000, 6)
    return np.concatenate([sound, np.squeeze(hints.read(function(sound.copy())))])


def _clapped(function):
    """The last exercise's note in the room of the answer."""
    room = _long_room()
    found = np.squeeze(hints.read(function(lambda sound: _in_room(sound, room), len(room))))
    return _level(_in_room(_note() + _breath(), found))


HEARD = {"bands": _breathed, "copy": _both, "clap": _clapped}
