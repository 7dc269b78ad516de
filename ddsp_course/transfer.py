"""Timbre transfer: pitch and loudness of any length to sound, through a trained model.

The model plays windows of 8 s, one after the other, so that an hour needs no more memory than
a minute. Each window goes on where the one before ended: with its network's state, its phase and
its noise, so that the result is what one long window would have played.
Explained in notebooks/02_timbre_transfer/06_understanding_the_model.ipynb.
"""

import contextlib

import numpy as np

from ddsp_course import _tensorflow, fast
from ddsp_course.errors import CourseError
from ddsp_course.features import FLOOR_DB, HOP_SIZE

WINDOW = 2000  # frames; 8 s
REST = 250  # frames of silence, from which the network begins, as its training's sounds did
MARGIN = 16  # frames at both ends of a window that are not heard, since filters reach over them
FADE = 160  # samples; 10 ms


def timbre_transfer(audio, instrument="violin", progress=False, **adjustments):
    """Play a recording on another instrument, all steps in one call.

    Args:
      audio: (n_samples,) at 16 kHz.
      instrument: `instruments.Instrument`, or what `instruments.load` takes.
      progress: show progress bars.
      **adjustments: see `conditioning.adjust`.

    Returns:
      played: (n_samples,) float32.
      heard: `features.Features` of the recording.
      adjusted: the same after `conditioning.adjust`.

    Raises:
      AudioError, SilenceError, NoPitchError: see `features.extract`.
      InstrumentError: see `instruments.load`.
    """
    from ddsp_course import conditioning, features, instruments

    if not isinstance(instrument, instruments.Instrument):
        instrument = instruments.load(instrument)
    heard = features.extract(
        audio, loudness_definition=instrument.loudness_definition, progress=progress
    )
    adjusted = conditioning.adjust(heard, instrument.statistics, **adjustments)
    return resynthesize(instrument, adjusted, progress), heard, adjusted


def resynthesize(instrument, features, progress=False):
    """Play features of any length on an instrument.

    Args:
      instrument: `instruments.Instrument`.
      features: `features.Features`; its `loudness_db` counts, not the loudness of its audio.
      progress: show a progress bar; or what to call in place of tqdm.

    Returns:
      (n_samples,) float32, as long as `features.audio`.

    Raises:
      CourseError: the loudness is by another definition than the instrument learned, or pitch
        or loudness are not numbers.
    """
    return mix(*parts(instrument, features, progress))


def parts(instrument, features, progress=False):
    """Play features of any length, harmonics and noise apart and without the reverb.

    Args and errors as in `resynthesize`.

    Returns:
      harmonic, noise: (n_samples,) float32 each. Noise is all that is not the harmonic
        synthesizer's; the sum is the instrument without its reverb.
      impulse_response: (n,) float32 of the instrument's reverb, or None where it has none.
    """
    from tqdm import tqdm

    definition = instrument.loudness_definition
    if features.loudness_definition != definition:
        raise CourseError(
            f"{instrument.name} reads loudness by the definition {definition}, and these features "
            f"have {features.loudness_definition}: use features.with_loudness(features, "
            f'"{definition}").'
        )
    if not (np.isfinite(features.f0_hz).all() and np.isfinite(features.loudness_db).all()):
        raise CourseError("Pitch or loudness is not a number somewhere: extract them again.")
    # ddsp divides decibels by 80 on their way into the network, and ddsp 1.6 did by 120.
    loudness = features.loudness_db * (FLOOR_DB["ddsp2"] / FLOOR_DB[definition])
    n_frames = len(features.f0_hz)
    first = REST + MARGIN
    f0_hz = np.pad(features.f0_hz, (first, WINDOW), mode="edge")
    loudness = np.pad(loudness, (first, WINDOW), constant_values=FLOOR_DB["ddsp2"])
    # A row of noise and one of harmonics.
    played = np.zeros((2, (first + n_frames + WINDOW) * HOP_SIZE), np.float32)
    fade = np.linspace(0, 1, FADE, dtype=np.float32)
    model = instrument.model
    play, memory, advance = model.course_play, model.course_memory, model.course_advance
    rng = np.random.default_rng(0)
    noise = rng.uniform(-1, 1, WINDOW * HOP_SIZE).astype(np.float32)
    bar = progress if callable(progress) else tqdm
    starts = range(0, REST + n_frames, advance)
    for start in bar(starts, desc=instrument.name, unit="window", disable=not progress):
        frames = slice(start, start + WINDOW)
        rows, memory = play(f0_hz[frames], loudness[frames], noise, memory)
        rows[0] -= rows[1]
        fresh = rows[:, (WINDOW - MARGIN - advance) * HOP_SIZE :]
        at = (start + WINDOW - MARGIN - advance) * HOP_SIZE
        if start:
            # Both are the same here, but for synthesizers that `prepare` does not know.
            fresh[:, :FADE] = played[:, at : at + FADE] * (1 - fade) + fresh[:, :FADE] * fade
        played[:, at : at + fresh.shape[1]] = fresh
        new = rng.uniform(-1, 1, advance * HOP_SIZE).astype(np.float32)
        noise = np.concatenate([noise[advance * HOP_SIZE :], new])
    filtered_noise, harmonic = played[:, first * HOP_SIZE :][:, : len(features.audio)]
    return harmonic, filtered_noise, model.course_impulse_response


def mix(harmonic, noise, impulse_response=None, levels=(1.0, 1.0, 1.0)):
    """Add up the parts of an instrument's sound.

    Args:
      harmonic, noise, impulse_response: from `parts`, or a room of your own.
      levels: factors of harmonics, noise and reverb.

    Returns:
      (n_samples,) float32, as long as `harmonic`: where the sound ends, its reverb does, too.
    """
    dry = levels[0] * harmonic
    dry += levels[1] * noise
    if impulse_response is None or not levels[2]:
        return dry.astype(np.float32, copy=False)
    from scipy.signal import oaconvolve

    # ddsp.effects.Reverb: the first sample would be the dry sound once more.
    wet = oaconvolve(dry, np.r_[0.0, impulse_response[1:]].astype(np.float32))
    return (dry + levels[2] * wet[: len(dry)]).astype(np.float32)


def prepare(model):
    """Compile a model's way from curves to sound, under gin's current settings.

    gin's settings are global. What a compiled function does no longer depends on them, so
    several instruments can play side by side.
    """
    tf = _tensorflow.load()
    ddsp = _tensorflow.load_ddsp()
    memories = [one for one in model.submodules if isinstance(one, tf.keras.layers.RNN)]
    # A memory of another kind is not handed on, but settles anew, in a second that is not heard.
    lead = MARGIN if set(memories) == set(fast.grus(model)) else REST
    model.course_advance = WINDOW - lead - MARGIN
    model.course_play, model.course_memory = compiled(model, WINDOW, model.course_advance)
    model.course_impulse_response = None
    last = model.processor_group.processors[-1]
    if isinstance(last, ddsp.effects.Reverb):
        model.course_impulse_response = np.array(last.get_controls(tf.zeros([1, 1]))["ir"][0])


def compiled(model, n_frames, advance):
    """Have a model play windows that go on where the one before ended.

    Models that gin builds alike share what is compiled, and so the second costs next to nothing.

    Args:
      model: `ddsp.training.models.Autoencoder`, built by gin's current settings; it stays as it is.
      n_frames: of a window.
      advance: frames from a window to the next.

    Returns:
      play: function (f0_hz (n_frames,), loudness_db (n_frames,), noise (n_frames * 64,) in -1..1,
        memory) -> (sound (2, n_frames * 64), memory): one row without the reverb, and one of it
        that is the harmonics alone. It plays with the weights that the model has now.
      memory: a first window's; later, the states of the network's GRUs, and the phases of the
        oscillators in cycles.
    """
    import gin

    tf = _tensorflow.load()
    key = (gin.config_str(), n_frames, advance)
    if key not in _compiled:
        _compiled[key] = _compile(model, n_frames, advance)
    function, memory = _compiled[key]
    weights = [tf.identity(weight) for _, _, weight in _weights(model)]

    def play(f0_hz, loudness_db, noise, memory):
        given = [tf.constant(one[None], tf.float32) for one in (f0_hz, loudness_db, noise)]
        rows, memory = function(*given, memory, weights)
        return np.array(rows), memory

    rest = np.zeros(n_frames, np.float32)
    # The first call compiles it, while gin's settings are the model's.
    with _tensorflow.without_remarks():
        play(rest, rest, np.zeros(n_frames * HOP_SIZE, np.float32), memory)
    return play, memory


# XLA keeps what it has compiled until the program ends, and so does this.
_compiled = {}


def _compile(model, n_frames, advance):
    tf = _tensorflow.load()
    ddsp = _tensorflow.load_ddsp()
    oscillators = [one for one in model.submodules if type(one) is ddsp.synths.Harmonic]
    noises = [one for one in model.submodules if type(one) is ddsp.synths.FilteredNoise]
    grus = fast.grus(model)
    last = model.processor_group.processors[-1]

    def remember(layer, state, states):
        def call(sequences, **_):
            path = fast.gru_states(layer, sequences, state)
            states.append(path[:, advance - 1])
            return path

        return call

    def oscillate(phase, phases):
        def get_signal(amplitudes, harmonic_distribution, f0_hz):
            _, _, before = fast.cycles(f0_hz, HOP_SIZE)
            phases.append((phase + before[0, advance]) % 1.0)
            amplitudes *= harmonic_distribution
            return fast.harmonic_synthesis(f0_hz, amplitudes, n_frames * HOP_SIZE, phase=phase)

        return get_signal

    def hiss(layer, noise):
        def get_signal(magnitudes):
            return ddsp.core.frequency_filter(noise, magnitudes, window_size=layer.window_size)

        return get_signal

    # AutoGraph cannot read the stand-ins, and ddsp does not need it.
    @tf.function(jit_compile=True, autograph=False)
    def window(f0_hz, loudness_db, noise, memory, weights):
        states, phases = [], []
        stand_ins = [(model.preprocessor, "resample", lambda curve: curve[..., None])]
        for layer, state in zip(grus, memory[0], strict=True):
            stand_ins.append((layer, "call", remember(layer, state, states)))
        for layer, phase in zip(oscillators, memory[1], strict=True):
            stand_ins.append((layer, "get_signal", oscillate(phase, phases)))
        for layer in noises:
            stand_ins.append((layer, "get_signal", hiss(layer, noise)))
        with contextlib.ExitStack() as undo:
            for layer, name, stand_in in stand_ins:
                setattr(layer, name, stand_in)
                undo.callback(delattr, layer, name)
            for (layer, name, weight), value in zip(_weights(model), weights, strict=True):
                # Past Keras, which would take the weight off its list.
                vars(layer)[name] = value
                undo.callback(vars(layer).__setitem__, name, weight)
            outputs = model({"f0_hz": f0_hz, "loudness_db": loudness_db}, training=False)
        if isinstance(last, ddsp.effects.Reverb):
            dry = outputs[last.name]["controls"]["audio"]
        else:
            dry = model.get_audio_from_outputs(outputs)
        harmonic = outputs[oscillators[0].name]["signal"] if oscillators else tf.zeros_like(dry)
        return tf.concat([dry, harmonic], axis=0), (states, phases)

    memory = (
        [tf.zeros((1, layer.units)) for layer in grus],
        [tf.zeros((), tf.float64) for _ in oscillators],
    )
    return window, memory


def _weights(model):
    """Return [(layer, name, variable)] of all weights of a model, in the order of its parts."""
    tf = _tensorflow.load()
    return [
        (layer, name, value)
        for layer in model.submodules
        for name, value in sorted(vars(layer).items())
        if isinstance(value, tf.Variable)
    ]
