"""Exercises that check themselves: `check("first_sounds.sine", answer)`.

Each notebook has a module here. Each exercise is a function in it that takes the answer and
returns None if it is right, or a hint. `hints` finds out what is wrong. A module's HEARD maps an
exercise to a function that turns a right answer into the audio to play after "Right!".
"""

import importlib
import warnings

import numpy as np

from ddsp_course import audio
from ddsp_course.errors import CourseError
from ddsp_course.exercises import hints
from ddsp_course.exercises.hints import read

# What a check prints. `report` finds these in saved notebooks.
RIGHT = "Right!"
NOT_YET = "Not yet: "
NO_ANSWER = "put your answer in place of the three dots, and run the cell again."


def check(name, answer):
    """Print "Right!" and play the answer if it can be heard, or print a hint.

    Args:
      name: "module.exercise", such as "first_sounds.sine".
      answer: what the exercise asks for: numbers (an array, a tensor or a list), a string, or a
        function, which is tried on inputs that the notebook does not show.

    Raises:
      CourseError: there is no such exercise.
    """
    hint = examine(name, answer)
    if hint is not None:
        print(f"{NOT_YET}{hint}")
        return
    print(RIGHT)
    module, _, exercise = name.partition(".")
    heard = getattr(importlib.import_module(f"{__name__}.{module}"), "HEARD", {})
    if exercise in heard:
        sound = np.squeeze(np.asarray(heard[exercise](read(answer)), np.float32))
        audio.play(sound, title="Your answer")


def examine(name, answer):
    """Return None for a right answer, or a hint. The answer may be any object; see `check`."""
    module, _, exercise = name.partition(".")
    try:
        ask = getattr(importlib.import_module(f"{__name__}.{module}"), exercise)
    except (ImportError, AttributeError):
        raise CourseError(f"There is no exercise {name}: see the notebook for its name.") from None
    if answer is ...:
        return NO_ANSWER
    try:
        with warnings.catch_warnings():
            # Infinity and NaN get hints of their own.
            warnings.simplefilter("ignore", RuntimeWarning)
            answer = read(answer)
            hint = ask(answer)
            # A batch of one is what ddsp's functions return.
            while hint and isinstance(answer, np.ndarray) and answer.ndim > 1 and len(answer) == 1:
                answer = answer[0]
                if ask(answer) is None:
                    return None
            return hint
    except Exception as error:  # noqa: BLE001, every object gets a sentence
        return (
            f"this is {hints.kind(answer)} and cannot be checked ({type(error).__name__}): see what "
            "the exercise asks for."
        )
