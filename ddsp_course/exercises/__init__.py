"""Exercises that check themselves: `check("first_sounds.sine", answer)`.

Each notebook of lessons 01 and 02 has a module here, and each exercise a function in it: it takes the
answer and returns None where that is right, or else a hint. `hints` finds out what is wrong.
"""

import importlib

import numpy as np

from ddsp_course.errors import CourseError


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
    """Return None for a right answer, or a hint; see `check`."""
    module, _, exercise = name.partition(".")
    try:
        ask = getattr(importlib.import_module(f"{__name__}.{module}"), exercise)
    except (ImportError, AttributeError):
        raise CourseError(
            f"There is no exercise {name}: see the notebook for how it is called."
        ) from None
    if answer is ...:
        return "put your answer in place of the three dots, and run the cell again."
    if hasattr(answer, "numpy"):
        answer = answer.numpy()
    if isinstance(answer, (list, tuple)) and all(np.isscalar(one) for one in answer):
        answer = np.asarray(answer)
    return ask(answer)
