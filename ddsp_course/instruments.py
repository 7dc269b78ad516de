"""Load instruments: trained ddsp autoencoders, bundled, downloaded, or the learner's own.

An instrument is a folder or zip in the format of Magenta's trainer: `operative_config-0.gin` says
how the model is built, `ckpt-N.index` and `ckpt-N.data-*` hold its weights, and
`dataset_statistics.pkl` describes the audio it was trained on. Instruments of 2020 use other names;
see `vintage`.
Explained in notebooks/02_timbre_transfer/06_loading_a_model.ipynb.
"""

import base64
import contextlib
import copy
import io
import json
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import gin
import numpy as np

from ddsp_course import _paths, _tensorflow, download, files, synthesis, untrusted, vintage
from ddsp_course._tensorflow import ddsp, tf
from ddsp_course.errors import CourseError, FetchError, InstrumentError, one_line
from ddsp_course.features import loudness_as
from ddsp_course.units import FRAME_RATE, SAMPLE_RATE
from ddsp_course.untrusted import GIN_FILE, STATISTICS_FILE

_BUCKET = "https://storage.googleapis.com/storage/v1/b/ddsp/o"
_OFFICIAL = "models/timbre_transfer_colab/2021-07-08/solo_{}_ckpt/"
# Written last to a model's folder in the cache: its presence means that the download finished.
_LISTING = "listing.json"
# In a bundled instrument's folder: who played what it learned from, and the licence. The first line
# is part of its title.
ATTRIBUTION_FILE = "ATTRIBUTION.txt"
_CHECKPOINT = re.compile(r"(ckpt-[0-9]+)\.index")


@dataclass(frozen=True)
class Entry:
    """An entry of the catalogue.

    Attributes:
      title: description for people.
      location: folder, or prefix in Magenta's bucket to download it from.
      bundled: whether it comes with the course.
    """

    title: str
    location: Any
    bundled: bool


@dataclass(frozen=True)
class Statistics:
    """Statistics of the audio that an instrument was trained on.

    Attributes:
      mean_pitch: MIDI number.
      mean_loudness, mean_max_loudness: dB; None in instruments of 2020.
      loudness_quantiles_db: (n,), loudness of notes at evenly spaced quantiles 0..1.
      loudness_definition: definition of all three loudnesses, "ddsp1" or "ddsp2"; see
        `features.loudness_db`.
    """

    mean_pitch: float
    mean_loudness: float | None
    mean_max_loudness: float | None
    loudness_quantiles_db: np.ndarray
    loudness_definition: str = "ddsp2"


@dataclass(frozen=True)
class Instrument:
    """A restored model, ready to play.

    Attributes:
      name: name or path that it was loaded with.
      folder: folder of its files (for a zip, the zip).
      model: `ddsp.training.models.Autoencoder`.
      player: `synthesis.Player`, the compiled model.
      statistics: `Statistics`, or None if the folder has none.
      loudness_definition: definition that the model was trained with, "ddsp1" or "ddsp2"; see
        `features.loudness_db`.
      gin_text: settings that the model was built from.
    """

    name: str
    folder: Path
    model: Any
    player: synthesis.Player
    statistics: Statistics | None
    loudness_definition: str
    gin_text: str

    def play(self, features, progress=False):
        """Play features of any length.

        Args:
          features: `features.Features`. Only its curves are played; its audio is needed to convert
            loudness for instruments with another definition.
          progress: True for a progress bar, or a tqdm-compatible callable.

        Returns:
          (n_samples,) float32, as long as `features.audio`.

        Raises:
          CourseError: pitch or loudness is NaN or infinite.
        """
        return synthesis.mix(*self.play_parts(features, progress))

    def play_parts(self, features, progress=False):
        """Play features of any length; return harmonics, noise and reverb separately.

        Args and errors as in `play`.

        Returns:
          harmonic, noise: (n_samples,) float32 each; see `synthesis.synthesize`.
          impulse_response: (n,) float32 of the instrument's reverb, or None if it has none.
        """
        own_loudness = loudness_as(features, self.loudness_definition)
        harmonic, noise = synthesis.synthesize(
            self.player,
            features.f0_hz,
            synthesis.model_loudness(own_loudness, self.loudness_definition),
            len(features.audio),
            self.name,
            progress,
        )
        return harmonic, noise, self.player.impulse_response


def catalogue():
    """Return {name: Entry} for the instruments that `load` knows by name."""
    folders = sorted((_paths.ASSETS / "instruments").glob(f"*/{GIN_FILE}"))
    entries = {path.parent.name: _bundled(path.parent) for path in folders}
    for model in ("violin", "flute", "flute2", "trumpet", "tenor_saxophone"):
        name = "official_" + model
        title, location = f"{model.replace('_', ' ')} (Magenta, 2021)", _OFFICIAL.format(model)
        if not (_cached(location) / _LISTING).exists():
            title += ", downloads 58 MB"
        entries[name] = Entry(title, location, False)
    return entries


def _bundled(folder):
    """Return the entry of an instrument in assets/."""
    # Short enough for the app's list; tests/test_access.py looks.
    origin = "by the course"
    if (folder / ATTRIBUTION_FILE).exists():
        origin = "on " + (folder / ATTRIBUTION_FILE).read_text("utf-8").splitlines()[0]
    return Entry(f"{folder.name.replace('_', ' ')} (trained {origin})", folder, True)


def load(name_or_path, label=None):
    """Load an instrument.

    As in Magenta's notebooks, gin builds the model from the folder's settings. They replace gin's
    global settings.

    Args:
      name_or_path: a name from `catalogue`, or the path of a folder or zip.
      label: a different name, also for messages, such as that of an uploaded zip.

    Returns:
      `Instrument`.

    Raises:
      InstrumentError: the instrument is unknown, incomplete, damaged or unsafe.
      FetchError: it is not in the cache and could not be downloaded.
    """
    with opened(name_or_path, label) as (label_path, prefix, gin_text):
        return _load(str(label or name_or_path), label_path, prefix, gin_text)


@contextlib.contextmanager
def opened(name_or_path, label=None):
    """Find an instrument's files and read its settings, without building anything.

    Args:
      name_or_path, label: as in `load`.

    Yields:
      label: Path that names the instrument in messages.
      prefix: Path of its newest checkpoint, without a suffix. The statistics lie beside it.
      gin_text: content of its `operative_config-0.gin`.

    Raises:
      InstrumentError, FetchError: as in `load`.
    """
    entries = catalogue()
    entry = entries.get(str(name_or_path))
    if entry is None:
        path = files.user_path(name_or_path)
    else:
        path = entry.location if entry.bundled else _fetch(entry.location)
    label = Path(label or path)
    with contextlib.ExitStack() as unzipped:
        if path.is_file():
            folder = Path(unzipped.enter_context(tempfile.TemporaryDirectory()))
            untrusted.unzip(path, folder, label)
        elif path.is_dir():
            folder = path
        else:
            raise InstrumentError(
                f"There is no instrument called {name_or_path}: choose one of "
                f"{', '.join(entries)}, or give the path of a folder or zip."
            )
        yield label, *_read_folder(label, folder)


def read_statistics(path, loudness_definition="ddsp2", label=None):
    """Read a `dataset_statistics.pkl` without running the pickle; see `untrusted`.

    Args:
      path: the file.
      loudness_definition: definition that the instrument's loudness was measured with.
      label: a different name for messages.

    Returns:
      `Statistics`.

    Raises:
      InstrumentError: the file is damaged or incomplete, or uses names that statistics do not need.
    """
    numbers = untrusted.read_statistics(path, label or path)
    return Statistics(**numbers, loudness_definition=loudness_definition)


def configure(gin_text, label="The instrument"):
    """Replace gin's current settings with an instrument's, adapted for playing fixed windows.

    Args:
      gin_text: content of `operative_config-0.gin`.
      label: name for messages.

    Raises:
      InstrumentError: gin cannot read the settings; they would import a foreign module or build
        something other than an autoencoder; or they use a different sample rate or frame rate.
    """
    _tensorflow.load_ddsp()  # gin knows only imported modules
    try:
        bindings = untrusted.bindings(gin_text, label)
        if vintage.is_vintage(gin_text):
            bindings = vintage.UNWRITTEN + bindings
        with gin.unlock_config():
            gin.clear_config()
            for key, value in bindings:
                gin.bind_parameter(key, value)
            if reads_power():
                raise InstrumentError(
                    f"{label} was trained for DDSP-VST, which plays 50 frames per second, and the "
                    f"course plays {FRAME_RATE}: write a file for the plugin with `ddsp-course "
                    f"export {label} --to vst FILE.tflite`."
                )
            _check_rates(label)
            gin.parse_config(_for_playing())
    except CourseError:
        raise
    except Exception as error:  # gin and its tokenizer may raise anything
        raise InstrumentError(
            f"The {GIN_FILE} of {label} cannot be read ({type(error).__name__}: "
            f"{one_line(error)}): download the instrument again."
        ) from error


def reads_power():
    """Return whether gin's current model reads power, as DDSP-VST's do, and not loudness."""
    try:
        preprocessor = gin.query_parameter("Autoencoder.preprocessor")
    except ValueError:
        return False
    return preprocessor.selector.endswith("OnlineF0PowerPreprocessor")


def _check_rates(label):
    """Refuse gin's current instrument if its rates differ from the course's."""
    rate = _setting("Harmonic.sample_rate", SAMPLE_RATE)
    n_samples = _setting("Harmonic.n_samples", 64000)
    time_steps = _setting("F0LoudnessPreprocessor.time_steps", 1000)
    if rate != SAMPLE_RATE or n_samples * FRAME_RATE != time_steps * SAMPLE_RATE:
        raise InstrumentError(
            f"{label} was trained at {rate} Hz and {rate * time_steps / n_samples:g} frames "
            f"per second, but the course plays at {SAMPLE_RATE} Hz and {FRAME_RATE}: train it "
            "again at these rates."
        )


def _setting(name, default):
    try:
        # A copy, because gin replaces a macro by its value only when copying.
        return copy.deepcopy(gin.query_parameter(name))
    except ValueError:
        return default


def _for_playing():
    """Return the settings that an instrument needs for playing."""
    n_samples = synthesis.WINDOW * SAMPLE_RATE // FRAME_RATE
    return [
        f"Harmonic.n_samples = {n_samples}",
        f"FilteredNoise.n_samples = {n_samples}",
        f"F0LoudnessPreprocessor.time_steps = {synthesis.WINDOW}",
        # Otherwise ddsp measures the audio and discards the loudness that it was given.
        "F0LoudnessPreprocessor.compute_loudness = False",
        # Keeps phases exact over a long window.
        "Harmonic.use_angular_cumsum = True",
    ]


def _read_folder(label, folder):
    """Return the newest checkpoint of an instrument's folder, without suffix, and its settings."""
    if not (folder / GIN_FILE).is_file():
        folder = _nested(label, folder)
    names = {path.name for path in folder.iterdir() if path.is_file()}  # reading a pipe may block
    checkpoints = [found[1] for name in names if (found := _CHECKPOINT.fullmatch(name))]
    if not checkpoints:
        raise InstrumentError(f"{label} has no checkpoint (ckpt-N.index): download it again.")
    newest = max(checkpoints, key=lambda prefix: int(prefix[5:]))
    if not any(name.startswith(f"{newest}.data-") for name in names):
        raise InstrumentError(f"{label} has no {newest}.data-* file: download it again.")
    gin_text = untrusted.read_small(folder / GIN_FILE, label / GIN_FILE)
    return folder / newest, gin_text.decode("utf-8", errors="replace")


def _load(name, label, prefix, gin_text):
    # ddsp 2 introduced `compute_loudness`, and an operative config lists every setting in use.
    definition = "ddsp2" if "F0LoudnessPreprocessor.compute_loudness" in gin_text else "ddsp1"
    statistics = None
    if (path := prefix.with_name(STATISTICS_FILE)).is_file():
        statistics = read_statistics(path, definition, label / STATISTICS_FILE)
    configure(gin_text, label)
    model = _build(label)
    restore(model, prefix, label, vintage.is_vintage(gin_text))
    player = synthesis.compile_player(model)
    return Instrument(name, label, model, player, statistics, definition, gin_text)


def _nested(label, folder):
    """Find the single instrument in a subfolder, where some zips have it."""
    found = [*folder.glob(f"*/{GIN_FILE}"), *folder.glob(f"*/*/{GIN_FILE}")]
    found = [path.parent for path in found if "__MACOSX" not in path.parts]
    if not found:
        raise InstrumentError(
            f"{label} has no {GIN_FILE}: give the folder or zip that a ddsp training run wrote."
        )
    if len(found) > 1:
        names = ", ".join(sorted(str(path.relative_to(folder)) for path in found))
        raise InstrumentError(
            f"{label} contains several instruments ({names}): give the folder of one."
        )
    return found[0]


def _build(label):
    """Build the model of gin's current settings with random weights."""
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # ddsp prints each layer that it builds
            model = ddsp.training.models.Autoencoder()
            if model.encoder is not None:
                raise InstrumentError(
                    f"{label} has an encoder (z), which timbre transfer cannot use: train one "
                    "with pitch and loudness only."
                )
            # Tracing the model builds its layers in a third of the time that calling it takes.
            curve = tf.TensorSpec((1, synthesis.WINDOW), tf.float32)
            tf.function(
                lambda f0_hz, loudness_db: model(
                    {"f0_hz": f0_hz, "loudness_db": loudness_db}, training=False
                ),
                autograph=False,
            ).get_concrete_function(curve, curve)
            return model
    except CourseError:
        raise
    except Exception as error:  # TensorFlow, ddsp and gin may raise anything
        raise InstrumentError(
            f"No model can be built from the {GIN_FILE} of {label} ({type(error).__name__}: "
            f"{one_line(error)}): download the instrument again."
        ) from error


def restore(model, prefix, label, is_vintage=False):
    """Restore a model's weights from a checkpoint.

    Args:
      model: `ddsp.training.models.Autoencoder`, built.
      prefix: Path of the checkpoint, without a suffix.
      label: the instrument's name for messages.
      is_vintage: whether the checkpoint uses the names of 2020; see `vintage`.

    Raises:
      InstrumentError: the weights are damaged, or are not the model's.
    """
    if set(str(prefix)) & set("[]*?\\"):
        # TensorFlow would interpret the name as a pattern.
        with tempfile.TemporaryDirectory() as folder:
            for path in prefix.parent.iterdir():
                if path.name.startswith(f"{prefix.name}."):
                    shutil.copy(path, folder)
            restore(model, Path(folder) / prefix.name, label, is_vintage)
        return
    try:
        if is_vintage:
            named = vintage.checkpoint(model, prefix)
        else:
            named = tf.train.Checkpoint(model=model)
        status = named.read(str(prefix))
        # Raises if the settings and the weights do not match.
        status.assert_existing_objects_matched()
        status.expect_partial()
    except Exception as error:
        raise InstrumentError(
            f"The weights {prefix.name} of {label} are damaged, or do not match its {GIN_FILE} "
            f"({type(error).__name__}: {one_line(error)}): download the instrument again."
        ) from error


def _fetch(prefix):
    """Return the cached folder of an official model, downloading and checking it file by file."""
    folder = _cached(prefix)
    listing = folder / _LISTING
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        listed = _listed_files(listing.read_bytes())
        if all(download.matches(folder / name, digest) for name, _, digest in listed):
            return folder
    title = f"Magenta's {folder.name}"
    data = download.read(f"{_BUCKET}?prefix={prefix}", untrusted.MAX_SMALL_BYTES, title)
    try:
        listed = _listed_files(data)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise FetchError(
            f"The server sent something other than the list of files of {title}: check the "
            "network and try again, or use the violin that comes with the course."
        ) from error
    for name, media, digest in listed:
        download.fetch(media, folder / name, digest, name)
    try:
        with files.whole_file(listing) as part:
            part.write_bytes(data)
    except OSError as error:
        raise FetchError(
            f"{listing} could not be written ({error.strerror}): free some disk space, or set "
            "DDSP_COURSE_CACHE to another folder."
        ) from error
    return folder


def _cached(prefix):
    """Return the cache folder of an official model, which may not exist yet."""
    return _paths.cache() / "instruments" / PurePosixPath(prefix).name


def _listed_files(listing):
    """Return [(name, address, digest)] from Google storage's listing of an instrument's files."""
    listed = [
        (name, item["mediaLink"], "md5:" + base64.b64decode(item["md5Hash"]).hex())
        for item in json.loads(listing)["items"]
        if untrusted.WANTED.fullmatch(name := PurePosixPath(item["name"]).name)
    ]
    if not listed:
        raise ValueError("the listing names no file of an instrument")
    return listed
