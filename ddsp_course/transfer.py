"""Timbre transfer: from a recording to another instrument in one call.

    audio.load -> features.extract -> conditioning.adjust -> instrument.play -> audio.write

The command line, the app and the notebooks all use this module. Each step is explained in
notebooks/02_timbre_transfer/00_demo.ipynb.
"""

from ddsp_course import conditioning, instruments
from ddsp_course.features import Features, extract


def timbre_transfer(audio, instrument="violin", progress=False, **adjustments):
    """Play a recording on another instrument.

    Args:
      audio: (n_samples,) at 16 kHz, or `features.Features` extracted before.
      instrument: `instruments.Instrument`, or an argument for `instruments.load`.
      progress: True for progress bars, or a tqdm-compatible callable.
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
    """Extract and adjust features for an instrument.

    Args and errors as in `timbre_transfer`, except that `instrument` must be an `Instrument`.

    Returns:
      extracted, adjusted: `features.Features`.
    """
    extracted = audio if isinstance(audio, Features) else extract(audio, progress=progress)
    return extracted, conditioning.adjust(extracted, instrument.statistics, **adjustments)
