"""Instruments: trained ddsp autoencoders, bundled, fetched, or the learner's own.

An instrument is a folder or zip as Magenta's trainer writes it: `operative_config-0.gin` says
how the model is built, `ckpt-N.index` and `ckpt-N.data-*` hold what it has learned, and
`dataset_statistics.pkl` tells of the sounds that it learned from.
Explained in notebooks/02_timbre_transfer/00_demo.ipynb.
"""

import base64
import contextlib
import io
import json
import pickle
import re
import shutil
import tempfile
import tokenize
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from ddsp_course import _paths, _tensorflow, transfer
from ddsp_course.errors import CourseError, FetchError, InstrumentError
from ddsp_course.features import FRAME_RATE, SAMPLE_RATE

GIN_FILE = "operative_config-0.gin"
STATISTICS_FILE = "dataset_statistics.pkl"

_BUCKET = "https://storage.googleapis.com/storage/v1/b/ddsp/o"
_OFFICIAL = "models/timbre_transfer_colab/2021-07-08/solo_{}_ckpt/"
_MAX_BYTES = 500_000_000
_CHECKPOINT = re.compile(r"(ckpt-\d+)\.index")
_WANTED = re.compile(r"operative_config-0\.gin|dataset_statistics\.pkl|ckpt-\d+\.(index|data-.+)")


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


def read_statistics(path):
    """Read a `dataset_statistics.pkl`.

    A pickle can run any program. This one may name ddsp's QuantileTransformer and the parts of
    NumPy's arrays (its random generator is ignored), and nothing else.

    Args:
      path: the file.

    Returns:
      `Statistics`.

    Raises:
      InstrumentError: the file is damaged, or names something else.
    """
    try:
        held = _Unpickler(io.BytesIO(Path(path).read_bytes())).load()
        quantiles = np.ravel(held["quantile_transform"].quantiles_).astype(np.float64)
        return Statistics(
            float(held["mean_pitch"]),
            float(held["mean_loudness"]),
            float(held["mean_max_loudness"]),
            quantiles,
        )
    except InstrumentError:
        raise
    except Exception as error:  # a damaged pickle may raise anything
        raise InstrumentError(
            f"{path} could not be read ({type(error).__name__}: {error}): get the instrument again."
        ) from error


class _Quantiles:
    """Stands for a QuantileTransformer, of which the quantiles alone are needed."""


class _Ignored:
    """Stands for the transformer's random generator, which never runs again."""

    def __init__(self, *arguments):
        pass

    def __setstate__(self, state):
        pass


class _Unpickler(pickle.Unpickler):
    _ARRAYS = ("_reconstruct", "scalar", "_frombuffer")

    def find_class(self, module, name):
        if name == "QuantileTransformer" and module in (
            "ddsp.training.postprocessing",
            "ddsp.colab.colab_utils",
        ):
            return _Quantiles
        if module.startswith("numpy.random."):
            return _Ignored
        if module == "numpy" and name in ("ndarray", "dtype"):
            return getattr(np, name)
        if re.fullmatch(r"numpy\.(_?core)\.(multiarray|numeric)", module) and name in self._ARRAYS:
            module = module.replace("numpy.core", "numpy._core")
            return super().find_class(module, name)
        raise InstrumentError(
            f"The instrument's {STATISTICS_FILE} names {module}.{name}, which statistics do not "
            "need: it may be unsafe, so it was not loaded; get the instrument from its maker."
        )


def _load_folder(name, shown, folder):
    gin_path = folder / GIN_FILE
    if not gin_path.is_file():
        raise InstrumentError(
            f"{shown} has no {GIN_FILE}: give the folder or zip that a ddsp training wrote."
        )
    checkpoints = [m[1] for p in folder.iterdir() if (m := _CHECKPOINT.fullmatch(p.name))]
    if not checkpoints:
        raise InstrumentError(f"{shown} has no checkpoint (ckpt-N.index): get it again, whole.")
    newest = max(checkpoints, key=lambda prefix: int(prefix[5:]))
    if not list(folder.glob(f"{newest}.data-*")):
        raise InstrumentError(f"{shown} has no {newest}.data-* file: get it again, whole.")
    gin_text = gin_path.read_text("utf-8", errors="replace")
    statistics_path = folder / STATISTICS_FILE
    statistics = read_statistics(statistics_path) if statistics_path.is_file() else None
    # ddsp 2 brought `compute_loudness`; an operative config holds every setting in use.
    modern = "F0LoudnessPreprocessor.compute_loudness" in gin_text
    configure(gin_text, shown)
    try:
        model = _restore(folder / newest, shown)
    except CourseError:
        raise
    except Exception as error:  # TensorFlow and gin raise many kinds
        raise InstrumentError(
            f"{shown} could not be loaded ({type(error).__name__}: "
            f"{' '.join(str(error).split())[:200]}): its files may be damaged or not belong "
            "together; get it again."
        ) from error
    return Instrument(name, shown, model, statistics, "ddsp2" if modern else "ddsp1", gin_text)


def configure(gin_text, shown="The instrument"):
    """Make an instrument's gin settings the current ones, for playing windows of fixed length.

    Args:
      gin_text: content of `operative_config-0.gin`.
      shown: name for messages.

    Raises:
      InstrumentError: gin cannot read it, it would import a foreign module, or it was made for
        another sample rate or frame rate.
    """
    _tensorflow.load_ddsp()
    import gin

    foreign = re.search(
        r"^\s*(?:include\s.*|import\s+(?!ddsp\b|tensorflow\b|gin\b).*|from\s.*)$",
        gin_text,
        re.MULTILINE,
    )
    if foreign:
        raise InstrumentError(
            f"{shown} has settings that load other code ({foreign[0].strip()}): it was not "
            "loaded; get the instrument from its maker."
        )
    try:
        with gin.unlock_config():
            gin.clear_config()
            gin.parse_config(gin_text, skip_unknown=True)
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
    except (SyntaxError, ValueError, AttributeError, ImportError, tokenize.TokenError) as error:
        raise InstrumentError(
            f"{shown}: its {GIN_FILE} cannot be read ({' '.join(str(error).split())[:200]}): get "
            "the instrument again."
        ) from error


def _setting(name, default):
    import gin

    try:
        return gin.query_parameter(name)
    except ValueError:
        return default


def _restore(prefix, shown):
    tf = _tensorflow.load()
    ddsp = _tensorflow.load_ddsp()
    with contextlib.redirect_stdout(io.StringIO()):  # ddsp tells of each layer that it builds
        model = ddsp.training.models.Autoencoder()
        if model.encoder is not None:
            raise InstrumentError(
                f"{shown} has an encoder (z), which timbre transfer has no use for: train one "
                "with pitch and loudness alone."
            )
        rest = np.zeros((1, transfer.WINDOW), np.float32)
        model({"f0_hz": rest + 440.0, "loudness_db": rest - 40.0}, training=False)
        status = tf.train.Checkpoint(model=model).read(str(prefix))
        # Raises where the settings and the weights do not belong together.
        status.assert_existing_objects_matched()
        status.expect_partial()
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
                    not info.is_dir()
                    and _WANTED.fullmatch(name)
                    and "__MACOSX" not in info.filename
                ):
                    if name in members:
                        raise InstrumentError(
                            f"{path} holds {name} twice: put one instrument in each zip."
                        )
                    members[name] = info
            if sum(info.file_size for info in members.values()) > _MAX_BYTES:
                raise InstrumentError(f"{path} unpacks to more than 500 MB: it is no instrument.")
            for name, info in members.items():
                with archive.open(info) as source, open(room / name, "wb") as target:
                    shutil.copyfileobj(source, target)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, OSError) as error:
        raise InstrumentError(
            f"{path} is not a zip that can be unpacked ({error}): get it again."
        ) from error


def _fetch(prefix):
    """Return the cached folder of an official model, fetched file by file with its checksums."""
    import pooch

    folder = _paths.cache() / "instruments" / PurePosixPath(prefix).name
    done = folder / "complete"
    if done.exists():
        return folder
    pooch.get_logger().setLevel("WARNING")
    try:
        listing = pooch.retrieve(
            f"{_BUCKET}?prefix={prefix}",
            None,
            fname="listing.json",
            path=folder,
            downloader=pooch.HTTPDownloader(timeout=30),
        )
        items = json.loads(Path(listing).read_text("utf-8")).get("items", [])
        items = [item for item in items if _WANTED.fullmatch(PurePosixPath(item["name"]).name)]
        if not items:
            raise ValueError("the list of its files is empty")
        for item in items:
            pooch.retrieve(
                item["mediaLink"],
                "md5:" + base64.b64decode(item["md5Hash"]).hex(),
                fname=PurePosixPath(item["name"]).name,
                path=folder,
                downloader=pooch.HTTPDownloader(timeout=60, progressbar=True),
            )
        done.touch()
    except Exception as error:  # requests, urllib3, json and the file system each have their own
        (folder / "listing.json").unlink(missing_ok=True)
        raise FetchError(
            f"The instrument could not be fetched from {_BUCKET.split('/storage/')[0]} "
            f"({type(error).__name__}): check the network and try again, or use the violin that "
            "comes with the course."
        ) from error
    return folder
