"""An instrument in a DAW: write the file that DDSP-VST plays, and play such a file without it.

DDSP-VST, Magenta's plugin (github.com/magenta/ddsp-vst), measures pitch and power 50 times per
second, asks a TensorFlow Lite model for the synthesizers' controls, frame by frame, and synthesizes
the audio itself. So a model for it is trained with power and at that rate: `ddsp-course train
--for vst`.
Training is explained in notebooks/03_train_your_own/00_train.ipynb.
"""

import contextlib
import datetime
import io
import json
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import gin
import numpy as np

from ddsp_course import _tensorflow, files, instruments, units, untrusted
from ddsp_course._tensorflow import ddsp, tf
from ddsp_course.errors import CourseError, InstrumentError, one_line
from ddsp_course.fast import oscillator
from ddsp_course.units import SAMPLE_RATE
from ddsp_course.untrusted import GIN_FILE, NOTE_RANGE, STATISTICS_FILE

FRAME_RATE = 50  # frames of pitch and power per second
HOP_SIZE = SAMPLE_RATE // FRAME_RATE  # samples per frame
FRAME_SIZE = 1024  # samples around a frame's moment, whose power it has
METADATA_FILE = "metadata.json"
# The plugin refuses a model whose tensors have other names or sizes.
INPUTS = {"call_f0_scaled:0": 1, "call_pw_scaled:0": 1, "call_state:0": 512}
OUTPUTS = {
    "StatefulPartitionedCall:0": 1,  # amplitude
    "StatefulPartitionedCall:1": 60,  # harmonic distribution
    "StatefulPartitionedCall:2": 65,  # noise magnitudes
    "StatefulPartitionedCall:3": 512,  # the network's next state
}
_TRAIN = "train one for it with `ddsp-course train DATASET RUN --for vst`"


def example(second):
    """Return one second of a dataset as the plugin will read it.

    Only those frames whose 1024 samples all lie in the second count, because the plugin measures
    the power of whole frames. They are every fifth of the dataset's frames, from the eighth on.

    Args:
      second: dictionary of "audio" (16000,), "f0_hz" (250,) and "f0_confidence" (250,).

    Returns:
      dictionary of
      audio: (14720,), what the model should play, from the middle of the first frame to that of
        the last;
      audio_16k: (16000,), of which `OnlineF0PowerPreprocessor` measures the power;
      f0_hz, f0_confidence: (47,).
    """
    first = FRAME_SIZE // 2
    n_frames = 1 + (second["audio"].shape[0] - FRAME_SIZE) // HOP_SIZE
    frames = slice(first // units.HOP_SIZE, None, HOP_SIZE // units.HOP_SIZE)
    return {
        "audio": second["audio"][first : first + (n_frames - 1) * HOP_SIZE],
        "audio_16k": second["audio"],
        "f0_hz": second["f0_hz"][frames][:n_frames],
        "f0_confidence": second["f0_confidence"][frames][:n_frames],
    }


def to_vst(instrument, path):
    """Write an instrument as a file for DDSP-VST.

    Gin's global settings are the instrument's afterwards.

    Args:
      instrument: path of an instrument's folder or zip, trained with `--for vst`.
      path: the file to write, best called NAME.tflite: the plugin shows the name. It appears whole
        or not at all.

    Raises:
      InstrumentError: the instrument was trained for the course's own frame rate, is of another
        size than the plugin plays, or cannot be loaded; or the file cannot be written.
    """
    if str(instrument) in instruments.catalogue():
        raise _other_rate(instrument)
    with instruments.opened(instrument) as (label, prefix, gin_text):
        _configure(gin_text, label)
        metadata = _metadata(prefix.with_name(STATISTICS_FILE), label / STATISTICS_FILE)
        model = _convert(label, prefix)
    try:
        with files.whole_file(path) as part:
            part.write_bytes(model)
            # After the model, as the plugin expects it. The places that it names count from the
            # beginning of the file.
            with zipfile.ZipFile(part, "a", zipfile.ZIP_DEFLATED) as archive:
                archive.writestr(METADATA_FILE, json.dumps(metadata, indent=2) + "\n")
            check(part, label)
    except OSError as error:
        raise InstrumentError(
            f"{path} could not be written ({error.strerror or error}): free some disk space, or "
            "choose a different folder."
        ) from error


def check(path, label=None):
    """Check a file as DDSP-VST does when it loads one: the names, sizes and types of its tensors.

    Only for files of your own: unlike the plugin, TensorFlow does not verify the model itself.

    Args:
      path: the file.
      label: a different name for messages.

    Raises:
      InstrumentError: the plugin would refuse the file, or it lacks the metadata.
    """
    label = label or path
    # First, because TensorFlow crashes on a model that was cut off, and this is at the file's end.
    metadata(path, label)
    interpreter = _interpreter(path, label)
    for kind, wanted, details in (
        ("inputs", INPUTS, interpreter.get_input_details()),
        ("outputs", OUTPUTS, interpreter.get_output_details()),
    ):
        found = {one["name"]: int(np.prod(one["shape"])) for one in details}
        if found != wanted or any(one["dtype"] is not np.float32 for one in details):
            raise InstrumentError(
                f"{label} has the {kind} {found}, and DDSP-VST needs {wanted} in float32: {_TRAIN}, "
                "and export it."
            )


def metadata(path, label=None):
    """Read the metadata of a file for DDSP-VST.

    Args:
      path: the file.
      label: a different name for messages.

    Returns:
      dictionary: `mean_min_pitch_note_hz`, `mean_max_pitch_note_hz` (Hz), `mean_min_power_note` and
      `mean_max_power_note` (dB), the range of notes that the plugin draws; `export_time`, by
      which a DAW's session finds the model again; and more, as ddsp's own exporter writes it.

    Raises:
      InstrumentError: there is none.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return json.loads(archive.read(METADATA_FILE))
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise InstrumentError(
            f"{label or path} has no {METADATA_FILE} that can be read ({one_line(error)}): export "
            "the instrument again."
        ) from error


@dataclass(frozen=True)
class Plugin:
    """A file for DDSP-VST, played as the plugin plays it, to hear and measure it without a DAW.

    Attributes:
      path: the file.
    """

    path: Path

    def play(self, heard):
        """Play the pitch and the power of a recording.

        Args:
          heard: `features.Features`. Its audio's power and its `f0_hz` count. For a phrase: ten
            minutes would need gigabytes.

        Returns:
          (n_samples,) float32, as long as `heard.audio`.

        Raises:
          InstrumentError: the plugin would refuse the file.
        """
        n_samples = len(heard.audio)
        n_frames = -(-n_samples // HOP_SIZE)
        f0_hz = heard.f0_hz[:: HOP_SIZE // units.HOP_SIZE]
        power_db = ddsp.spectral_ops.compute_power(
            heard.audio, frame_rate=FRAME_RATE, frame_size=FRAME_SIZE
        )[:n_frames]
        amplitudes, harmonic_distribution, noise_magnitudes = controls(self.path, f0_hz, power_db)
        harmonic = oscillator.harmonic_synthesis(
            f0_hz[None, :, None],
            (amplitudes * harmonic_distribution)[None],
            n_frames * HOP_SIZE,
            amp_resample_method="linear",
        )
        noise = np.random.default_rng(0).uniform(-1, 1, (1, n_frames * HOP_SIZE))
        noise = ddsp.core.frequency_filter(noise.astype(np.float32), noise_magnitudes[None])
        return (harmonic + noise).numpy()[0, :n_samples]


def controls(path, f0_hz, power_db):
    """Ask a file for DDSP-VST for the synthesizers' controls, one frame after the other.

    Args:
      path: the file.
      f0_hz: (n_frames,) in Hz, 50 per second.
      power_db: (n_frames,), -80 (silence) to 0; see `ddsp.spectral_ops.compute_power`.

    Returns:
      amplitudes: (n_frames, 1).
      harmonic_distribution: (n_frames, 60), which adds up to 1.
      noise_magnitudes: (n_frames, 65).

    Raises:
      InstrumentError: the plugin would refuse the file.
    """
    check(path)
    interpreter = _interpreter(path, path)
    index = {one["name"]: one["index"] for one in interpreter.get_input_details()}
    places = {one["name"]: one["index"] for one in interpreter.get_output_details()}
    f0_scaled = np.array(ddsp.training.preprocessing.scale_f0_hz(f0_hz), np.float32)
    pw_scaled = np.array(ddsp.training.preprocessing.scale_db(power_db), np.float32)
    state = np.zeros(INPUTS["call_state:0"], np.float32)
    frames = []
    for pitch, power in zip(f0_scaled[:, None], pw_scaled[:, None], strict=True):
        for name, value in zip(INPUTS, (pitch, power, state), strict=True):
            interpreter.set_tensor(index[name], value)
        interpreter.invoke()
        *frame, state = (interpreter.get_tensor(places[name]) for name in OUTPUTS)
        frames.append(frame)
    return tuple(np.stack(column) for column in zip(*frames, strict=True))


def _other_rate(label):
    return InstrumentError(
        f"{label} plays {units.FRAME_RATE} frames per second and reads loudness, and DDSP-VST plays "
        f"{FRAME_RATE} and reads power: {_TRAIN}."
    )


def _configure(gin_text, label):
    """Replace gin's current settings with those of an instrument for the plugin."""
    _tensorflow.load_ddsp()  # gin knows only imported modules
    try:
        with gin.unlock_config():
            gin.clear_config()
            for key, value in untrusted.bindings(gin_text, label):
                gin.bind_parameter(key, value)
    except CourseError:
        raise
    except Exception as error:  # gin and its tokenizer raise many kinds
        raise InstrumentError(
            f"The {GIN_FILE} of {label} cannot be read ({type(error).__name__}: "
            f"{one_line(error)}): export the instrument again."
        ) from error
    if not instruments.reads_power():
        raise _other_rate(label)
    sizes = [size for _, size in gin.query_parameter("RnnFcDecoder.output_splits")]
    sizes.append(gin.query_parameter("RnnFcDecoder.rnn_channels"))
    if sizes != list(OUTPUTS.values()):
        raise InstrumentError(
            f"{label} has {sizes} amplitudes, harmonics, bands of noise and units of state, and "
            f"DDSP-VST plays {list(OUTPUTS.values())}: {_TRAIN}, without changing the model's size."
        )


def _metadata(path, label):
    """Return what ddsp's own exporter (`ddsp.training.ddsp_export`) tells of a model."""
    statistics = untrusted.read_statistics(path, label, NOTE_RANGE)
    missing = [name for name in NOTE_RANGE if statistics[name] is None]
    if missing:
        raise InstrumentError(f"{label} lacks {', '.join(missing)}: export the instrument again.")
    in_hz = {f"{name}_hz": units.midi_to_hz(statistics[name]).item() for name in NOTE_RANGE[:2]}
    return {
        **{name: statistics[name] for name in NOTE_RANGE},
        **in_hz,
        "version": ddsp.version.__version__,
        "export_time": datetime.datetime.now(datetime.UTC).isoformat(),
        "num_harmonics": OUTPUTS["StatefulPartitionedCall:1"],
        "num_noise_amps": OUTPUTS["StatefulPartitionedCall:2"],
        "frame_rate": FRAME_RATE,
        "frame_size": FRAME_SIZE,
        "sample_rate": SAMPLE_RATE,
    }


def _convert(label, prefix):
    """Return gin's current model, with the weights of a checkpoint, as a TensorFlow Lite model."""

    class Controls(ddsp.training.inference.VSTStatelessPredictControls):
        """ddsp's own, but for reading the settings and the weights of strangers' files."""

        def parse_gin(self, ckpt):
            self.state_size = gin.query_parameter("RnnFcDecoder.rnn_channels")

        def restore(self, checkpoint_path, verbose=True):
            """Left to `instruments.restore`, which says what does not match."""

    remarks = contextlib.ExitStack()
    with remarks, tempfile.TemporaryDirectory() as folder:
        # ddsp prints the shapes, and TensorFlow what it converts.
        remarks.enter_context(contextlib.redirect_stdout(io.StringIO()))
        remarks.enter_context(_tensorflow.quiet())
        remarks.enter_context(_tensorflow.without_remarks())
        try:
            model = Controls(prefix)
            instruments.restore(model, prefix, label)
            model.save_model(folder)
            converter = tf.lite.TFLiteConverter.from_saved_model(folder)
            # The plugin has no others.
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
            return converter.convert()
        except CourseError:
            raise
        except Exception as error:  # TensorFlow, ddsp and gin raise many kinds
            raise InstrumentError(
                f"{label} cannot be written for DDSP-VST ({type(error).__name__}: "
                f"{one_line(error)}): {_TRAIN}."
            ) from error
        finally:
            # What is built next from these settings keeps its own state again.
            with gin.unlock_config():
                gin.bind_parameter("RnnFcDecoder.stateless", False)


def _interpreter(path, label):
    """Return a TensorFlow Lite interpreter with the plugin's operations, the built-in ones."""
    lite = tf.lite
    try:
        with open(path, "rb") as file:
            if file.read(8)[4:] != b"TFL3":
                raise ValueError("its first bytes are another kind's")
        with _tensorflow.quiet():  # that this interpreter will move to a package of its own
            interpreter = lite.Interpreter(
                str(path),
                experimental_op_resolver_type=(
                    lite.experimental.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
                ),
            )
        interpreter.allocate_tensors()
    except (OSError, ValueError, RuntimeError) as error:
        raise InstrumentError(
            f"{label} is not a TensorFlow Lite model that can be played ({one_line(error)}): export "
            "the instrument again."
        ) from error
    return interpreter
