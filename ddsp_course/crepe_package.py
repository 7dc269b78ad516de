"""Replace the package `crepe`, which does not build on any current Python.

`import ddsp` imports `crepe`, and finds this module if the package is not installed. ddsp uses
three of its names: `crepe.predict` (in `ddsp.spectral_ops.compute_f0`),
`crepe.core.build_and_load_model` (in `ddsp.losses.PretrainedCREPE`) and `crepe.core.models` (in
`ddsp.spectral_ops.reset_crepe`). Explained in
notebooks/02_timbre_transfer/01_install_and_gin.ipynb.
"""

# Every `import ddsp_course` loads this module, so the functions import NumPy and the network.

import contextlib
import importlib.abc
import importlib.util
import sys
import types
import warnings

from ddsp_course.errors import FetchError

# The networks that ddsp has requested, by size. `ddsp.spectral_ops.reset_crepe` clears it.
models = {}


def predict(
    audio,
    sr,
    model_capacity="full",
    viterbi=False,
    center=True,
    step_size=10,
    verbose=1,
):
    """Estimate the pitch of audio, with the arguments of `crepe.predict`.

    `ddsp.spectral_ops.compute_f0` calls this. If the official weights are not cached and cannot be
    downloaded, it warns and uses the course's own.

    Args:
      audio: (n_samples,) or (n_samples, n_channels).
      sr: sample rate in Hz; rates other than 16000 are resampled.
      model_capacity: size of the official network, or anything else that `crepe.load` accepts.
      viterbi: smooth the pitch over time.
      center: centre the frames on multiples of the step, with zeros at both ends.
      step_size: milliseconds from one frame to the next.
      verbose: 1 shows a progress bar, 0 does not.

    Returns:
      time: (n_frames,) in seconds.
      frequency: (n_frames,) in Hz.
      confidence: (n_frames,) in 0..1.
      activation: (n_frames, 360) in 0..1.
    """
    import numpy as np

    from ddsp_course import crepe
    from ddsp_course.units import SAMPLE_RATE

    audio = np.asarray(audio, np.float32)
    if audio.ndim == 2:
        audio = audio.mean(axis=1)
    if sr != SAMPLE_RATE:
        import soxr

        audio = soxr.resample(audio, sr, SAMPLE_RATE)
    salience = crepe.activation(
        audio,
        _model(model_capacity),
        hop_size=int(SAMPLE_RATE * step_size / 1000),
        center=center,
        progress=bool(verbose),
    )
    frequency, confidence = crepe.to_f0(salience, viterbi)
    time = np.arange(len(confidence)) * step_size / 1000.0
    return time, frequency, confidence, salience


def build_and_load_model(model_capacity):
    """Return the trained Keras network of a size, as ddsp expects from `crepe.core`."""
    return _model(model_capacity).network


core = types.SimpleNamespace(models=models, build_and_load_model=build_and_load_model)


@contextlib.contextmanager
def using(model):
    """Make ddsp, which asks for CREPE's `full` network, use a given `crepe.Crepe` in a block."""
    before = models.get("full")
    models["full"] = model
    try:
        yield
    finally:
        models["full"] = before


def _model(size):
    from ddsp_course import crepe

    if models.get(size) is None:
        try:
            models[size] = crepe.load(size)
        except FetchError as error:
            warnings.warn(f"{error} Using the course's own weights instead.", stacklevel=3)
            return crepe.load("course")
    return models[size]


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds this module as `crepe`. It is last on `sys.meta_path`: an installed `crepe` wins."""

    def find_spec(self, fullname, path=None, target=None):
        if fullname == "crepe":
            return importlib.util.spec_from_loader(fullname, self)
        return None

    def create_module(self, spec):
        return sys.modules[__name__]

    def exec_module(self, module):
        """Do nothing, because the module has already run under its own name."""


def install():
    """Make `import crepe` find this module, unless the package is installed."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.append(_Finder())
