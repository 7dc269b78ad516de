"""The exceptions of the course: each message says what is wrong, where, and what to do.

The command line prints the message alone and ends with exit status 2.
"""


class CourseError(Exception):
    """Base class: something that a learner can put right."""


class AudioError(CourseError):
    """A sound could not be read, written or used (missing, not audio, empty, NaN)."""


class SilenceError(AudioError):
    """The sound has nothing to hear in it."""


class NoPitchError(CourseError):
    """The sound has no pitch that an instrument could follow."""


class FetchError(CourseError):
    """A download failed, or what arrived is not what was asked for."""


class InstrumentError(CourseError):
    """An instrument's folder or zip is incomplete, damaged or unsafe."""


class SetupError(CourseError):
    """The Python environment lacks a part or has it in a state that cannot work."""


class TrainingError(CourseError):
    """A training cannot begin, or cannot go on, with what it was given."""
