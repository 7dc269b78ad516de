"""Timbre transfer: the whole way from a recording to another instrument, in one call.

    audio.load -> features.extract -> conditioning.adjust -> instrument.play -> audio.write

The command line, the app and the notebooks take it from here. Each step is explained in
notebooks/02_timbre_transfer/00_demo.ipynb.
"""

from ddsp_course import conditioning, instruments
from ddsp_course.features import Features, extract


def timbre_transfer(audio, instrument="violin", progress=False, **adjustments):
    """Play a recording on another instrument.

    Args:
      audio: (n_samples,) at 16 kHz; or `features.Features` that are extracted already.
      instrument: `instruments.Instrument`, or what `instruments.load` takes.
      progress: True for progress bars; or a callable that stands in for tqdm.
      **adjustments: see `conditioning.adjust`.

    Returns:
      played: (n_samples,) float32.
      extracted: `features.Features` of the recording.
      adjusted: the same after `conditioning.adjust`.

    Raises:
      AudioError, SilenceError, NoPitchError: see `features.extract`.
      InstrumentError: see `instruments.load`.
    """
    if not isinstance(instrument, instruments.Instrument):
        instrument = instruments.load(instrument)
    extracted, adjusted = prepare(audio, instrument, progress, **adjustments)
    return instrument.play(adjusted, progress), extracted, adjusted


def prepare(audio, instrument, progress=False, **adjustments):
    """Take the steps before an instrument plays.

    Args and errors as in `timbre_transfer`, but that `instrument` is an `Instrument`.

    Returns:
      extracted, adjusted: `features.Features`.
    """
    extracted = audio if isinstance(audio, Features) else extract(audio, progress=progress)
    return extracted, conditioning.adjust(extracted, instrument.statistics, **adjustments)
