"""Instruments: trained ddsp autoencoders, bundled, fetched, or the learner's own.

An instrument is a folder or zip as Magenta's trainer writes it: `operative_config-0.gin` says
how the model is built, `ckpt-N.index` and `ckpt-N.data-*` hold what it has learned, and
`dataset_statistics.pkl` describes the audio that it learned from. Those of 2020 have other names
in them: see `vintage`.
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
# Written last to a model's folder in the cache: what it lists is there.
_LISTING = "listing.json"
_CHECKPOINT = re.compile(r"(ckpt-[0-9]+)\.index")


@dataclass(frozen=True)
class Entry:
    """A line of the catalogue.

    Attributes:
      title: what it is, for people.
      location: a folder, or the place in Magenta's bucket that it is fetched from.
      bundled: whether it comes with the course.
    """

    title: str
    location: Any
    bundled: bool


@dataclass(frozen=True)
class Statistics:
    """What an instrument learned from.

    Attributes:
      mean_pitch: MIDI number.
      mean_loudness, mean_max_loudness: dB; None in instruments of 2020.
      loudness_quantiles_db: (n,), loudness of notes at evenly spaced quantiles 0..1.
      loudness_definition: "ddsp1" or "ddsp2", by which all three loudnesses were measured; see
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
      name: what it was loaded by.
      folder: where its files lie (for a zip, the zip).
      model: `ddsp.training.models.Autoencoder`.
      player: `synthesis.Player`, the model compiled.
      statistics: `Statistics`, or None where the folder has none.
      loudness_definition: "ddsp1" or "ddsp2", by which the model learned; see
        `features.loudness_db`.
      gin_text: the text that the model was built from.
    """

    name: str
    folder: Path
    model: Any
    player: synthesis.Player
    statistics: Statistics | None
    loudness_definition: str
    gin_text: str

    def play(self, features, progress=False):
        """Return features of any length as audio.

        Args:
          features: `features.Features`; its curves count, and its audio only for the loudness of
            instruments that read another definition.
          progress: True for a progress bar; or a callable that stands in for tqdm.

        Returns:
          (n_samples,) float32, as long as `features.audio`.

        Raises:
          CourseError: pitch or loudness are not numbers.
        """
        return synthesis.mix(*self.play_parts(features, progress))

    def play_parts(self, features, progress=False):
        """Return features of any length as harmonics and noise apart, and their reverb.

        Args and errors as in `play`.

        Returns:
          harmonic, noise: (n_samples,) float32 each; see `synthesis.synthesize`.
          impulse_response: (n,) float32 of the instrument's reverb, or None where it has none.
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
    """Return {name: Entry} of the instruments that `load` knows by name."""
    folders = sorted((_paths.ASSETS / "instruments").glob(f"*/{GIN_FILE}"))
    entries = {
        path.parent.name: Entry(f"{path.parent.name}, trained by the course", path.parent, True)
        for path in folders
    }
    for model in ("violin", "flute", "flute2", "trumpet", "tenor_saxophone"):
        name = "official_" + model
        title, location = f"{model.replace('_', ' ')}, Magenta's of 2021", _OFFICIAL.format(model)
        if not (_cached(location) / _LISTING).exists():
            title += " (downloads 58 MB)"
        entries[name] = Entry(title, location, False)
    return entries


def load(name_or_path, label=None):
    """Return an `Instrument`.

    The model is built by gin from the folder's settings, as in Magenta's notebook, and so
    gin's global settings are this instrument's afterwards.

    Args:
      name_or_path: a name from `catalogue`, or the path of a folder or zip.
      label: its name, also for messages, if another: that of a zip that was uploaded, say.

    Raises:
      InstrumentError: the instrument is unknown, incomplete, damaged or unsafe.
      FetchError: it is not in the cache and could not be fetched.
    """
    entries = catalogue()
    entry = entries.get(str(name_or_path))
    if entry is None:
        path = files.user_path(name_or_path)
    else:
        path = entry.location if entry.bundled else _fetch(entry.location)
    name, label = str(label or name_or_path), Path(label or path)
    if path.is_dir():
        return _load_folder(name, label, path)
    if path.is_file():
        with tempfile.TemporaryDirectory() as folder:
            untrusted.unzip(path, Path(folder), label)
            return _load_folder(name, label, Path(folder))
    raise InstrumentError(
        f"There is no instrument called {name_or_path}: choose one of {', '.join(entries)}, or "
        "give the path of a folder or zip."
    )


def read_statistics(path, loudness_definition="ddsp2", label=None):
    """Read a `dataset_statistics.pkl`, a pickle, without running it; see `untrusted`.

    Args:
      path: the file.
      loudness_definition: by which the instrument's loudness was measured.
      label: the file's name for messages, if another.

    Returns:
      `Statistics`.

    Raises:
      InstrumentError: the file is damaged, incomplete, or names what statistics do not need.
    """
    numbers = untrusted.read_statistics(path, label or path)
    return Statistics(**numbers, loudness_definition=loudness_definition)


def configure(gin_text, label="The instrument"):
    """Make an instrument's gin settings the current ones, for playing windows of fixed length.

    Args:
      gin_text: content of `operative_config-0.gin`.
      label: name for messages.

    Raises:
      InstrumentError: gin cannot read it, it would import a foreign module or build other things
        than an autoencoder, or it was made for another sample rate or frame rate.
    """
    _tensorflow.load_ddsp()  # gin knows what has been imported
    try:
        bindings = untrusted.bindings(gin_text, label)
        if vintage.is_vintage(gin_text):
            bindings = vintage.UNWRITTEN + bindings
        with gin.unlock_config():
            gin.clear_config()
            for key, value in bindings:
                gin.bind_parameter(key, value)
            _check_rates(label)
            gin.parse_config(_for_playing())
    except CourseError:
        raise
    except Exception as error:  # gin and its tokenizer raise many kinds
        raise InstrumentError(
            f"{label}: its {GIN_FILE} cannot be read ({type(error).__name__}: {one_line(error)}): "
            "get the instrument again."
        ) from error


def _check_rates(label):
    """Refuse an instrument, gin's current one, that was made for other rates than the course's."""
    rate = _setting("Harmonic.sample_rate", SAMPLE_RATE)
    n_samples = _setting("Harmonic.n_samples", 64000)
    time_steps = _setting("F0LoudnessPreprocessor.time_steps", 1000)
    if rate != SAMPLE_RATE or n_samples * FRAME_RATE != time_steps * SAMPLE_RATE:
        raise InstrumentError(
            f"{label} was made for {rate} Hz and {rate * time_steps / n_samples:g} frames "
            f"a second, and the course plays {SAMPLE_RATE} Hz and {FRAME_RATE}: train it "
            "again with these."
        )


def _setting(name, default):
    try:
        # A copy, since gin puts a macro's value in its place when it copies.
        return copy.deepcopy(gin.query_parameter(name))
    except ValueError:
        return default


def _for_playing():
    """Return the settings that differ while an instrument plays."""
    n_samples = synthesis.WINDOW * SAMPLE_RATE // FRAME_RATE
    return [
        f"Harmonic.n_samples = {n_samples}",
        f"FilteredNoise.n_samples = {n_samples}",
        f"F0LoudnessPreprocessor.time_steps = {synthesis.WINDOW}",
        # Else ddsp measures the audio and forgets the loudness that it was given.
        "F0LoudnessPreprocessor.compute_loudness = False",
        # Phases stay exact over a long window.
        "Harmonic.use_angular_cumsum = True",
    ]


def _load_folder(name, label, folder):
    if not (folder / GIN_FILE).is_file():
        folder = _nested(label, folder)
    names = {path.name for path in folder.iterdir() if path.is_file()}  # no pipes: they may wait
    checkpoints = [found[1] for name in names if (found := _CHECKPOINT.fullmatch(name))]
    if not checkpoints:
        raise InstrumentError(f"{label} has no checkpoint (ckpt-N.index): get it again, whole.")
    newest = max(checkpoints, key=lambda prefix: int(prefix[5:]))
    if not any(name.startswith(f"{newest}.data-") for name in names):
        raise InstrumentError(f"{label} has no {newest}.data-* file: get it again, whole.")
    gin_text = untrusted.read_small(folder / GIN_FILE, label / GIN_FILE)
    gin_text = gin_text.decode("utf-8", errors="replace")
    # ddsp 2 brought `compute_loudness`; an operative config holds every setting in use.
    definition = "ddsp2" if "F0LoudnessPreprocessor.compute_loudness" in gin_text else "ddsp1"
    statistics = None
    if STATISTICS_FILE in names:
        statistics = read_statistics(folder / STATISTICS_FILE, definition, label / STATISTICS_FILE)
    configure(gin_text, label)
    model = _build(label)
    _restore(model, folder / newest, label, vintage.is_vintage(gin_text))
    player = synthesis.compile_player(model)
    return Instrument(name, label, model, player, statistics, definition, gin_text)


def _nested(label, folder):
    """Return the one folder inside a folder that is an instrument, as some zips unpack to."""
    found = [*folder.glob(f"*/{GIN_FILE}"), *folder.glob(f"*/*/{GIN_FILE}")]
    found = [path.parent for path in found if "__MACOSX" not in path.parts]
    if not found:
        raise InstrumentError(
            f"{label} has no {GIN_FILE}: give the folder or zip that a ddsp training wrote."
        )
    if len(found) > 1:
        names = ", ".join(sorted(str(path.relative_to(folder)) for path in found))
        raise InstrumentError(f"{label} holds several instruments ({names}): give one's folder.")
    return found[0]


def _build(label):
    """Return the model of gin's current settings, its weights random."""
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # ddsp tells of each layer that it builds
            model = ddsp.training.models.Autoencoder()
            if model.encoder is not None:
                raise InstrumentError(
                    f"{label} has an encoder (z), which timbre transfer has no use for: train one "
                    "with pitch and loudness alone."
                )
            # Traced and not called, which builds the layers in a third of the time.
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
    except Exception as error:  # TensorFlow, ddsp and gin raise many kinds
        raise InstrumentError(
            f"{label}: no model can be built from its {GIN_FILE} ({type(error).__name__}: "
            f"{one_line(error)}): get the instrument again."
        ) from error


def _restore(model, prefix, label, is_vintage=False):
    """Give a model the weights of a checkpoint, which may have the names of 2020."""
    if set(str(prefix)) & set("[]*?\\"):
        # TensorFlow would take the name for a pattern.
        with tempfile.TemporaryDirectory() as folder:
            for path in prefix.parent.iterdir():
                if path.name.startswith(f"{prefix.name}."):
                    shutil.copy(path, folder)
            _restore(model, Path(folder) / prefix.name, label, is_vintage)
        return
    try:
        if is_vintage:
            named = vintage.checkpoint(model, prefix)
        else:
            named = tf.train.Checkpoint(model=model)
        status = named.read(str(prefix))
        # Raises where the settings and the weights do not belong together.
        status.assert_existing_objects_matched()
        status.expect_partial()
    except Exception as error:
        raise InstrumentError(
            f"{label}: its weights {prefix.name} are damaged, or they and its {GIN_FILE} do not "
            f"belong together ({type(error).__name__}: {one_line(error)}): get the instrument "
            "again."
        ) from error


def _fetch(prefix):
    """Return the cached folder of an official model, fetched file by file with its checksums."""
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
            f"What arrived for {title} is not the list of the instrument's files: check the "
            "network and try again, or use the violin that comes with the course."
        ) from error
    for name, media, digest in listed:
        download.fetch(media, folder / name, digest, name)
    try:
        with files.whole_file(listing) as part:
            part.write_bytes(data)
    except OSError as error:
        raise FetchError(
            f"{listing} could not be written ({error.strerror}): free some disk space, or name "
            "another folder by DDSP_COURSE_CACHE."
        ) from error
    return folder


def _cached(prefix):
    """Return the folder of an official model, which may not be there yet."""
    return _paths.cache() / "instruments" / PurePosixPath(prefix).name


def _listed_files(listing):
    """Return [(name, address, digest)] of an instrument's files, as Google's storage lists them."""
    listed = [
        (name, item["mediaLink"], "md5:" + base64.b64decode(item["md5Hash"]).hex())
        for item in json.loads(listing)["items"]
        if untrusted.WANTED.fullmatch(name := PurePosixPath(item["name"]).name)
    ]
    if not listed:
        raise ValueError("no file of an instrument is listed")
    return listed
