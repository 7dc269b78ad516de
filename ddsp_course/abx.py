"""A blind listening test: X is one of two sounds, and the listener says which.

After D. Clark, "High-Resolution Subjective Testing Using a Double-Blind Comparator", Journal of the
Audio Engineering Society 1982. Explained in notebooks/04_beyond_the_paper/03_is_it_any_good.ipynb.
"""

import base64
import html
import io
import secrets

import numpy as np

from ddsp_course import panel
from ddsp_course.audio import PLAY_PEAK
from ddsp_course.errors import CourseError
from ddsp_course.units import SAMPLE_RATE

# Steps of 16 bits. TPDF dither of two steps makes the rounding error independent of the sound.
_STEP = 2.0**-15


def abx(a, b, n_trials=16, sample_rate=SAMPLE_RATE):
    """Show a blind test of two sounds, with players and buttons that the keyboard reaches.

    Each trial draws anew which of the two X is, and nothing in the page tells: X has its own dither,
    so not even its bytes equal those of A or B. The result appears after the last answer, because a
    listener who may stop when it looks good is right too often.

    Args:
      a, b: (n_samples,) each, equally long. One gain scales both, so their levels still differ as
        they did.
      n_trials: how often to ask, decided beforehand.
      sample_rate: in Hz.

    Raises:
      CourseError: the sounds are not two rows of finite samples of the same length, are both
        silent, or there is no trial.
    """
    import ipywidgets
    from IPython.display import display

    sounds = dict(zip("AB", _checked(a, b), strict=True))
    if n_trials < 1:
        raise CourseError(
            f"A test of {n_trials} trials says nothing: ask for 1 or more, such as 16."
        )
    known = [ipywidgets.HTML(_player(sounds[name], name, sample_rate)) for name in "AB"]
    unknown, progress = ipywidgets.HTML(), ipywidgets.HTML()
    buttons = [ipywidgets.Button(description=f"X is {name}") for name in "AB"]
    answers, drawn = [], []

    def ask():
        # From the operating system, because a notebook's seed would repeat the same answers.
        drawn.append(secrets.choice("AB"))
        unknown.value = _player(sounds[drawn[-1]], "X", sample_rate)
        progress.value = _said(f"Trial {len(drawn)} of {n_trials}: is X the same as A, or as B?")

    def answer(button):
        if len(answers) == n_trials:
            return
        answers.append(button.description[-1])
        if len(answers) < n_trials:
            ask()
            return
        for one in buttons:
            one.disabled = True
        right = sum(x == said for x, said in zip(drawn, answers, strict=True))
        progress.value = _said(verdict(right, n_trials))

    for button in buttons:
        button.on_click(answer)
    ask()
    row = ipywidgets.HBox(buttons)
    display(panel.panel([*known, unknown, row, progress]))


def verdict(n_right, n_trials):
    """Return two sentences on a result: how many were right, and how likely guessing is to do it.

    Args:
      n_right: number of right answers.
      n_trials: number of trials.
    """
    return (
        f"{n_right} of {n_trials} right. Guessing gets {n_right} or more right with a probability "
        f"of {guessing(n_right, n_trials):.2g}."
    )


def guessing(n_right, n_trials):
    """Return the probability that fair coins get at least `n_right` of `n_trials` right."""
    from scipy.stats import binom

    return float(binom.sf(n_right - 1, n_trials, 0.5))


def _checked(a, b):
    """Return both sounds as float64, scaled by one gain."""
    a, b = (np.asarray(sound, float) for sound in (a, b))
    if a.ndim != 1 or a.shape != b.shape or not len(a):
        raise CourseError(
            f"A and B have the shapes {a.shape} and {b.shape}: pass two rows of samples of the same "
            "length, because their lengths alone would tell them apart."
        )
    highest = np.abs([a, b]).max()
    if not np.isfinite(highest):
        raise CourseError("A or B contains NaN or infinity: check the step that produced it.")
    if highest == 0:
        raise CourseError("A and B are both silent: pass two sounds.")
    gain = PLAY_PEAK / highest
    return gain * a, gain * b


def _player(sound, name, sample_rate):
    """Return a player's HTML. WAV and not MP3, which would change what is compared."""
    import soundfile

    # Unseeded: the dither of X must not be known from A and B.
    dither = np.random.default_rng().triangular(-_STEP, 0, _STEP, len(sound))
    samples = np.round((sound + dither) / _STEP).astype(np.int16)
    file = io.BytesIO()
    soundfile.write(file, samples, sample_rate, format="WAV", subtype="PCM_16")
    text = base64.b64encode(file.getvalue()).decode("ascii")
    return (
        f'<div>{name}</div><audio controls aria-label="{name}" '
        f'src="data:audio/wav;base64,{text}"></audio>'
    )


def _said(sentence):
    return f'<div role="status">{html.escape(sentence)}</div>'
