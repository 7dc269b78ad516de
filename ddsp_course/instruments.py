"""Instruments: trained ddsp autoencoders, bundled, fetched, or the learner's own.

An instrument is a folder or zip as Magenta's trainer writes it: `operative_config-0.gin` says
how the model is built, `ckpt-N.index` and `ckpt-N.data-*` hold what it has learned, and
`dataset_statistics.pkl` tells of the sounds that it learned from.
Explained in notebooks/02_timbre_transfer/05_loading_a_model.ipynb.
"""

import base64
import contextlib
import copy
import inspect
import io
import json
import logging
import lzma
import re
import secrets
import shutil
import stat
import tempfile
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import gin
import numpy as np

from ddsp_course import _paths, _tensorflow, download, pickled, transfer
from ddsp_course.errors import CourseError, FetchError, InstrumentError
from ddsp_course.features import FRAME_RATE, SAMPLE_RATE

GIN_FILE = "operative_config-0.gin"
STATISTICS_FILE = "dataset_statistics.pkl"

_BUCKET = "https://storage.googleapis.com/storage/v1/b/ddsp/o"
_OFFICIAL = "models/timbre_transfer_colab/2021-07-08/solo_{}_ckpt/"
# Magenta's models have 20 MB or less, and trained weights hardly compress.
_MAX_BYTES = 500_000_000
_MAX_RATIO = 100
# Settings have some 5 kB and statistics some 20.
_MAX_SMALL_BYTES = 5_000_000
_CHECKPOINT = re.compile(r"(ckpt-[0-9]+)\.index")
_WANTED = re.compile(
    r"operative_config-0\.gin|dataset_statistics\.pkl|ckpt-[0-9]+\.(index|data-[0-9]+-of-[0-9]+)"
)
# What an autoencoder is built of. Through gin, ddsp's trainers and data sources, which read and
# write files, could be had as well.
_BUILDING_BLOCKS = re.compile(
    r"ddsp\.(core|dags|effects|losses|processors|spectral_ops|synths"
    r"|training\.(decoders|encoders|models|nn|preprocessing))(\..+)?|gin\.config"
)
# What a statistics file names; see `pickled`.
_STATISTICS_NAMES = re.compile(
    r"ddsp\.(training\.postprocessing|colab\.colab_utils)\.QuantileTransformer"
    r"|numpy\.(ndarray|dtype|random\..+)"
    r"|numpy\._?core\.(multiarray\.(_reconstruct|scalar)|numeric\._frombuffer)"
)
_LOG = logging.getLogger(__name__)


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
      mean_loudness, mean_max_loudness: dB.
      loudness_quantiles_db: (n,), loudness of notes at evenly spaced quantiles 0..1.
    """

    mean_pitch: float
    mean_loudness: float
    mean_max_loudness: float
    loudness_quantiles_db: np.ndarray


@dataclass(frozen=True)
class Instrument:
    """A restored model, ready to play.

    Attributes:
      name: what it was loaded by.
      folder: where its files lie (for a zip, the zip).
      model: `ddsp.training.models.Autoencoder`.
      statistics: `Statistics`, or None where the folder has none.
      loudness_definition: "ddsp1" or "ddsp2", see `features.loudness_db`.
      gin_text: the text that the model was built from.
      sample_rate, frame_rate: in Hz; hop_size: samples a frame.
    """

    name: str
    folder: Path
    model: Any
    statistics: Statistics | None
    loudness_definition: str
    gin_text: str
    sample_rate: int = SAMPLE_RATE
    frame_rate: int = FRAME_RATE
    hop_size: int = SAMPLE_RATE // FRAME_RATE

    def play(self, features, progress=False):
        """Return `features` as sound (n_samples,), see `transfer.resynthesize`."""
        return transfer.resynthesize(self, features, progress)


def catalogue():
    """Return {name: Entry} of the instruments that `load` knows by name."""
    folders = sorted((_paths.ASSETS / "instruments").glob(f"*/{GIN_FILE}"))
    entries = {
        path.parent.name: Entry(f"{path.parent.name}, trained by the course", path.parent, True)
        for path in folders
    }
    for model in ("violin", "flute", "flute2", "trumpet", "tenor_saxophone"):
        name = "official_" + model
        title = f"{model.replace('_', ' ')}, Magenta's model of 2021 (fetched when first used)"
        entries[name] = Entry(title, _OFFICIAL.format(model), False)
    return entries


def load(name_or_path):
    """Return an `Instrument`.

    The model is built by gin from the folder's settings, as in Magenta's notebook, and so
    gin's global settings are this instrument's afterwards.

    Args:
      name_or_path: a name from `catalogue`, or the path of a folder or zip.

    Raises:
      InstrumentError: the instrument is unknown, incomplete, damaged or unsafe.
      FetchError: it is not in the cache and could not be fetched.
    """
    entries = catalogue()
    entry = entries.get(str(name_or_path))
    if entry is None:
        path = Path(name_or_path)
    else:
        path = entry.location if entry.bundled else _fetch(entry.location)
    if path.is_dir():
        return _load_folder(str(name_or_path), path, path)
    if path.is_file():
        with tempfile.TemporaryDirectory() as room:
            _unzip(path, Path(room))
            return _load_folder(str(name_or_path), path, Path(room))
    raise InstrumentError(
        f"There is no instrument called {name_or_path}: choose one of {', '.join(entries)}, or "
        "give the path of a folder or zip."
    )


def read_statistics(path, shown=None):
    """Read a `dataset_statistics.pkl`.

    A pickle is a program that can call anything. This one is read and not run: numbers, texts,
    lists and dictionaries are taken, and the objects in it stay descriptions.

    Args:
      path: the file.
      shown: its name for messages, if another.

    Returns:
      `Statistics`.

    Raises:
      InstrumentError: the file is damaged, incomplete, or names what statistics do not need.
    """
    shown = shown or path
    data = _read_small(path, shown)
    try:
        held = pickled.described(data, _STATISTICS_NAMES)
        missing = [key for key in _STATISTICS_KEYS if key not in held]
        if missing:
            raise ValueError(f"it has no {missing[0]}")
        quantiles = pickled.numbers(held["quantile_transform"].state["quantiles_"])
        pitch, loudness, loudest = (
            pickled.numbers(held[key]).item() for key in _STATISTICS_KEYS[:3]
        )
        if not np.isfinite([pitch, loudness, loudest, *quantiles]).all():
            raise ValueError("some of its numbers are NaN or infinite")
        return Statistics(pitch, loudness, loudest, quantiles)
    except pickled.Unsafe as error:
        raise InstrumentError(
            f"{shown} {error}, which statistics do not need: it may be unsafe, so it was not "
            "loaded; get the instrument from its maker."
        ) from error
    except Exception as error:  # a damaged pickle may raise anything
        raise InstrumentError(
            f"{shown} could not be read ({type(error).__name__}: {_short(error)}): get the "
            "instrument again."
        ) from error


_STATISTICS_KEYS = ("mean_pitch", "mean_loudness", "mean_max_loudness", "quantile_transform")


def _read_small(path, shown):
    try:
        with open(path, "rb") as file:
            data = file.read(_MAX_SMALL_BYTES + 1)
    except OSError as error:
        raise InstrumentError(
            f"{shown} cannot be read ({error.strerror}): make it readable for you, or get the "
            "instrument again."
        ) from error
    if len(data) > _MAX_SMALL_BYTES:
        raise InstrumentError(
            f"{shown} has more than {_MAX_SMALL_BYTES // 1_000_000} MB, and such a file has some "
            "kilobytes: get the instrument again."
        )
    return data


def _short(error):
    return " ".join(str(error).split())[:200]


def _load_folder(name, shown, folder):
    if not (folder / GIN_FILE).is_file():
        folder = _nested(shown, folder)
    files = {path.name for path in folder.iterdir() if path.is_file()}  # no pipes: they may wait
    checkpoints = [found[1] for name in files if (found := _CHECKPOINT.fullmatch(name))]
    if not checkpoints:
        raise InstrumentError(f"{shown} has no checkpoint (ckpt-N.index): get it again, whole.")
    newest = max(checkpoints, key=lambda prefix: int(prefix[5:]))
    if not any(name.startswith(f"{newest}.data-") for name in files):
        raise InstrumentError(f"{shown} has no {newest}.data-* file: get it again, whole.")
    gin_text = _read_small(folder / GIN_FILE, shown / GIN_FILE).decode("utf-8", errors="replace")
    statistics = None
    if STATISTICS_FILE in files:
        statistics = read_statistics(folder / STATISTICS_FILE, shown / STATISTICS_FILE)
    # ddsp 2 brought `compute_loudness`; an operative config holds every setting in use.
    modern = "F0LoudnessPreprocessor.compute_loudness" in gin_text
    configure(gin_text, shown)
    model = _restore(folder / newest, shown)
    return Instrument(name, shown, model, statistics, "ddsp2" if modern else "ddsp1", gin_text)


def _nested(shown, folder):
    """Return the one folder inside a folder that is an instrument, as some zips unpack to."""
    found = [*folder.glob(f"*/{GIN_FILE}"), *folder.glob(f"*/*/{GIN_FILE}")]
    found = [path.parent for path in found if "__MACOSX" not in path.parts]
    if not found:
        raise InstrumentError(
            f"{shown} has no {GIN_FILE}: give the folder or zip that a ddsp training wrote."
        )
    if len(found) > 1:
        names = ", ".join(sorted(str(path.relative_to(folder)) for path in found))
        raise InstrumentError(f"{shown} holds several instruments ({names}): give one's folder.")
    return found[0]


def configure(gin_text, shown="The instrument"):
    """Make an instrument's gin settings the current ones, for playing windows of fixed length.

    Args:
      gin_text: content of `operative_config-0.gin`.
      shown: name for messages.

    Raises:
      InstrumentError: gin cannot read it, it would import a foreign module or build other things
        than an autoencoder, or it was made for another sample rate or frame rate.
    """
    _tensorflow.load_ddsp()
    try:
        bindings = _bindings(gin_text, shown)
        with gin.unlock_config():
            gin.clear_config()
            for key, value in bindings:
                gin.bind_parameter(key, value)
            rate = _setting("Harmonic.sample_rate", SAMPLE_RATE)
            n_samples = _setting("Harmonic.n_samples", 64000)
            time_steps = _setting("F0LoudnessPreprocessor.time_steps", 1000)
            if rate != SAMPLE_RATE or n_samples * FRAME_RATE != time_steps * SAMPLE_RATE:
                raise InstrumentError(
                    f"{shown} was made for {rate} Hz and {rate * time_steps / n_samples:g} frames "
                    f"a second, and the course plays {SAMPLE_RATE} Hz and {FRAME_RATE}: train it "
                    "again with these."
                )
            samples = transfer.WINDOW * SAMPLE_RATE // FRAME_RATE
            gin.parse_config(
                [
                    f"Harmonic.n_samples = {samples}",
                    f"FilteredNoise.n_samples = {samples}",
                    f"F0LoudnessPreprocessor.time_steps = {transfer.WINDOW}",
                    # Else ddsp measures the audio and forgets the loudness that it was given.
                    "F0LoudnessPreprocessor.compute_loudness = False",
                    # Phases stay exact over a long window.
                    "Harmonic.use_angular_cumsum = True",
                ],
            )
    except CourseError:
        raise
    except Exception as error:  # gin and its tokenizer raise many kinds
        raise InstrumentError(
            f"{shown}: its {GIN_FILE} cannot be read ({type(error).__name__}: {_short(error)}): "
            "get the instrument again."
        ) from error


def _bindings(gin_text, shown):
    """Return those of an instrument's settings that build its model: [(key, value)].

    gin's own parser reads them, so that nothing looks different to this check than to gin. What
    it would import is here already, and nothing is imported.
    """
    bindings = []
    delegate = gin.config.ParserDelegate(skip_unknown=True)
    for statement in gin.config_parser.ConfigParser(gin_text, delegate):
        line = statement.location.line_content.strip()
        if isinstance(statement, gin.config_parser.IncludeStatement):
            raise _unsafe(shown, line)
        if isinstance(statement, gin.config_parser.ImportStatement):
            if statement.module.partition(".")[0] not in ("ddsp", "gin", "tensorflow"):
                raise _unsafe(shown, line)
            continue
        if isinstance(statement, gin.config_parser.BlockDeclaration):
            continue  # its bindings follow
        scope, selector, parameter, value, _ = statement
        if not parameter:  # a macro
            key = (f"{scope}/{selector}" if scope else selector, "gin.macro", "value")
        else:
            key = (scope, selector, parameter)
            if not _is_building_block(selector):
                continue
        if not all(_is_building_block(reference.selector) for reference in _references(value)):
            raise _unsafe(shown, line)
        if parameter and not _has_parameter(selector, parameter):
            # Old models have settings that ddsp has dropped since. Where one mattered, the
            # weights do not fit, and that is an error.
            _LOG.warning(
                "%s sets %s.%s, which this version of ddsp does not have: it is left out.",
                shown,
                selector,
                parameter,
            )
            continue
        bindings.append((key, value))
    return bindings


def _references(value):
    """Yield all that a setting refers to, at any depth."""
    if isinstance(value, dict):
        value = [*value.keys(), *value.values()]
    if isinstance(value, list | tuple):
        for part in value:
            yield from _references(part)
    elif hasattr(value, "selector"):
        yield value


def _is_building_block(selector):
    try:
        found = gin.config.ConfigurableReference(selector, evaluate=False).configurable
    except ValueError:  # ddsp has nothing of that name
        return False
    return bool(_BUILDING_BLOCKS.fullmatch(found.wrapped.__module__))


def _has_parameter(selector, parameter):
    found = gin.config.ConfigurableReference(selector, evaluate=False).configurable.wrapped
    # `**kwargs` of a class go to the class above it, up to Keras, which refuses what it does not
    # know; `**kwarg_modules` and their like are free names.
    for owner in found.__mro__ if inspect.isclass(found) else [found]:
        names = inspect.signature(owner.__init__ if inspect.isclass(owner) else owner).parameters
        if parameter in names or any(name.startswith("kwarg_") for name in names):
            return True
        if "kwargs" not in names:
            return False
    return False


def _unsafe(shown, line):
    return InstrumentError(
        f"{shown} has a line in its {GIN_FILE} that could load other code or use other things than "
        f"a model is built of ({line[:200]}): it was not loaded; get the instrument from its maker."
    )


def _setting(name, default):
    try:
        # A copy, since gin puts a macro's value in its place when it copies.
        return copy.deepcopy(gin.query_parameter(name))
    except ValueError:
        return default


def _restore(prefix, shown):
    tf = _tensorflow.load()
    ddsp = _tensorflow.load_ddsp()
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # ddsp tells of each layer that it builds
            model = ddsp.training.models.Autoencoder()
            if model.encoder is not None:
                raise InstrumentError(
                    f"{shown} has an encoder (z), which timbre transfer has no use for: train one "
                    "with pitch and loudness alone."
                )
            # Traced and not called, which builds the layers in a third of the time.
            curve = tf.TensorSpec((1, transfer.WINDOW), tf.float32)
            tf.function(
                lambda f0_hz, loudness_db: model(
                    {"f0_hz": f0_hz, "loudness_db": loudness_db}, training=False
                ),
                autograph=False,
            ).get_concrete_function(curve, curve)
    except CourseError:
        raise
    except Exception as error:  # TensorFlow, ddsp and gin raise many kinds
        raise InstrumentError(
            f"{shown}: no model can be built from its {GIN_FILE} ({type(error).__name__}: "
            f"{_short(error)}): get the instrument again."
        ) from error
    try:
        status = tf.train.Checkpoint(model=model).read(str(prefix))
        # Raises where the settings and the weights do not belong together.
        status.assert_existing_objects_matched()
        status.expect_partial()
    except Exception as error:
        raise InstrumentError(
            f"{shown}: its weights {prefix.name} are damaged, or they and its {GIN_FILE} do not "
            f"belong together ({type(error).__name__}: {_short(error)}): get the instrument again."
        ) from error
    transfer.prepare(model)
    return model


def _unzip(path, room):
    """Take an instrument's files out of a zip, wherever in it they lie, and nothing else."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = {}
            for info in archive.infolist():
                name = PurePosixPath(info.filename).name
                if (
                    info.is_dir()
                    or not _WANTED.fullmatch(name)
                    or "__MACOSX" in PurePosixPath(info.filename).parts
                ):
                    continue
                if name in members:
                    raise InstrumentError(
                        f"{path} holds {name} twice: put one instrument in each zip."
                    )
                if stat.S_ISLNK(info.external_attr >> 16):
                    raise InstrumentError(
                        f"{path} holds a link in place of {name}: put the file itself in the zip."
                    )
                members[name] = info
            size = sum(info.file_size for info in members.values())
            packed = sum(info.compress_size for info in members.values())
            if size > _MAX_BYTES or size > 1_000_000 + _MAX_RATIO * packed:
                raise InstrumentError(
                    f"{path} unpacks from {packed / 1e6:.1f} MB to {size / 1e6:.0f} MB, as no "
                    "instrument does: get it from its maker."
                )
            for name, info in members.items():
                with archive.open(info) as source, open(room / name, "wb") as target:
                    shutil.copyfileobj(source, target)
    except OSError as error:
        raise InstrumentError(
            f"{path} could not be unpacked ({error.strerror or error}): get it again, or free "
            "some disk space."
        ) from error
    except (
        zipfile.BadZipFile,
        EOFError,
        NotImplementedError,
        RuntimeError,
        lzma.LZMAError,
        zlib.error,
    ) as error:
        raise InstrumentError(
            f"{path} is not a zip that can be unpacked ({error}): get it again."
        ) from error


def _fetch(prefix):
    """Return the cached folder of an official model, fetched file by file with its checksums."""
    folder = _paths.cache() / "instruments" / PurePosixPath(prefix).name
    listing = folder / "listing.json"  # written last: what it lists is there
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        parts = _parts(listing.read_bytes())
        if all(download.matches(folder / name, digest) for name, _, digest in parts):
            return folder
    address = f"{_BUCKET}?prefix={prefix}"
    data = download.read(address, _MAX_SMALL_BYTES)
    try:
        parts = _parts(data)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise FetchError(
            f"What arrived from {address} is not the list of the instrument's files: check the "
            "network and try again, or use the violin that comes with the course."
        ) from error
    for name, media, digest in parts:
        download.fetch(media, folder / name, digest, name)
    partial = listing.with_name(f"{listing.name}.{secrets.token_hex(4)}.part")
    try:
        partial.write_bytes(data)
        partial.replace(listing)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise FetchError(
            f"{listing} could not be written ({error.strerror}): free some disk space, or name "
            "another folder by DDSP_COURSE_CACHE."
        ) from error
    return folder


def _parts(listing):
    """Return [(name, address, digest)] of an instrument's files, as Google's storage lists them."""
    parts = [
        (name, item["mediaLink"], "md5:" + base64.b64decode(item["md5Hash"]).hex())
        for item in json.loads(listing)["items"]
        if _WANTED.fullmatch(name := PurePosixPath(item["name"]).name)
    ]
    if not parts:
        raise ValueError("no file of an instrument is listed")
    return parts
