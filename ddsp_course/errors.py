"""The exceptions of the course: each message says what is wrong, where, and what to do.

The command line prints the message alone and exits with status 2.
"""


class CourseError(Exception):
    """Base class of errors that a learner can fix."""


class AudioError(CourseError):
    """The audio could not be read, written or used (missing, not audio, empty, NaN)."""


class SilenceError(AudioError):
    """The audio is silent."""


class NoPitchError(CourseError):
    """The audio has no pitch that an instrument could follow."""


class FetchError(CourseError):
    """A download failed, or delivered the wrong content."""


class InstrumentError(CourseError):
    """An instrument's folder or zip is incomplete, damaged or unsafe."""


class SetupError(CourseError):
    """Part of the Python environment is missing or unusable."""


class TrainingError(CourseError):
    """Training cannot start or continue with the given data or settings."""


def one_line(error, longest=200):
    """Return the text of an exception on one line, cut to `longest` characters."""
    return " ".join(str(error).split())[:longest]
