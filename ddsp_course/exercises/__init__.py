"""Exercises that check themselves: `check("first_sounds.sine", answer)`.

Each notebook of lessons 01 and 02 has a module here, and each exercise a function in it: it takes the
answer and returns None where that is right, or else a hint. `hints` finds out what is wrong.
"""

import importlib
import warnings

import numpy as np

from ddsp_course.errors import CourseError
from ddsp_course.exercises import hints


def check(name, answer):
    """Print whether an answer is right, or a hint.

    Args:
      name: "module.exercise", such as "first_sounds.sine".
      answer: what the exercise asks for; NumPy arrays, TensorFlow tensors and lists all do.

    Raises:
      CourseError: there is no such exercise.
    """
    hint = examine(name, answer)
    print("Right!" if hint is None else f"Not yet: {hint}")


def examine(name, answer):
    """Return None for a right answer, or a hint, whatever object the answer is; see `check`."""
    module, _, exercise = name.partition(".")
    try:
        ask = getattr(importlib.import_module(f"{__name__}.{module}"), exercise)
    except (ImportError, AttributeError):
        raise CourseError(
            f"There is no exercise {name}: see the notebook for how it is called."
        ) from None
    if answer is ...:
        return "put your answer in place of the three dots, and run the cell again."
    try:
        with warnings.catch_warnings():
            # Infinity and NaN get hints of their own.
            warnings.simplefilter("ignore", RuntimeWarning)
            answer = _read(answer)
            hint = ask(answer)
            # A batch of one is what ddsp's functions return.
            while hint and isinstance(answer, np.ndarray) and answer.ndim > 1 and len(answer) == 1:
                answer = answer[0]
                if ask(answer) is None:
                    return None
            return hint
    except Exception as error:  # noqa: BLE001, whatever object it is, it gets a sentence
        return (
            f"this is {hints.kind(answer)}, and cannot be compared with the answer "
            f"({type(error).__name__}): see what the exercise asks for."
        )


def _read(answer):
    """Return an answer as what exercises take: tensors and lists of numbers as NumPy arrays."""
    if hasattr(answer, "detach"):  # PyTorch's tensors, which may want their gradient kept
        answer = answer.detach()
    if hasattr(answer, "numpy"):
        answer = answer.numpy()
    if isinstance(answer, np.ma.MaskedArray):
        answer = answer.astype(float).filled(np.nan)
    if isinstance(answer, (list, tuple)) and all(np.isscalar(one) for one in answer):
        answer = np.asarray(answer)
    return answer
