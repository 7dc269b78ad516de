"""Read untrusted instruments as data: numbers, and settings that say how a model is built.

Anyone can share a trained instrument as a zip or folder. Its statistics are a pickle, which is a
program; its settings are gin, which can import modules and call functions; its zip can contain
links and zip bombs. The functions here read such a file as data or refuse it. See SECURITY.md.
Explained in notebooks/02_timbre_transfer/06_loading_a_model.ipynb.
"""

import inspect
import io
import logging
import lzma
import pickle
import re
import shutil
import stat
import struct
import tarfile
import zipfile
import zlib
from pathlib import PurePosixPath

import gin
import numpy as np

from ddsp_course import vintage
from ddsp_course.errors import InstrumentError, one_line

GIN_FILE = "operative_config-0.gin"
STATISTICS_FILE = "dataset_statistics.pkl"
# The files of an instrument; all others are ignored.
WANTED = re.compile(
    r"operative_config-0\.gin|dataset_statistics\.pkl|ckpt-[0-9]+\.(index|data-[0-9]+-of-[0-9]+)"
)
# Settings take about 5 kB, statistics about 20 kB.
MAX_SMALL_BYTES = 5_000_000
# Magenta's models take 58 MB, two thirds of it Adam's running means. Trained weights hardly
# compress.
_MAX_BYTES = 500_000_000
_MAX_RATIO = 100

_LOG = logging.getLogger(__name__)


def read_small(path, label):
    """Read a file that should have only a few kilobytes.

    Args:
      path: the file.
      label: its name for messages.

    Returns:
      bytes.

    Raises:
      InstrumentError: it cannot be read, or is larger than 5 MB.
    """
    try:
        with open(path, "rb") as file:
            data = file.read(MAX_SMALL_BYTES + 1)
    except OSError as error:
        raise InstrumentError(
            f"{label} cannot be read ({error.strerror}): change its permissions, or download the "
            "instrument again."
        ) from error
    if len(data) > MAX_SMALL_BYTES:
        raise InstrumentError(
            f"{label} is larger than {MAX_SMALL_BYTES // 1_000_000} MB, but should have a few "
            "kilobytes: download the instrument again."
        )
    return data


# Statistics: a pickle.

_NUMBERS = ("mean_pitch", "mean_loudness", "mean_max_loudness")
# What DDSP-VST draws as an instrument's range. Statistics of 2020 and 2021 lack some of them.
NOTE_RANGE = (
    "mean_min_pitch_note", "mean_max_pitch_note", "mean_min_power_note", "mean_max_power_note",
)  # fmt: skip
_NEEDED = ("mean_pitch", "quantile_transform")  # ddsp wrote only these in 2020
_STATISTICS_NAMES = re.compile(
    r"ddsp\.(training\.postprocessing|colab\.colab_utils)\.QuantileTransformer"
    r"|sklearn\.preprocessing\._?data\.QuantileTransformer"
    r"|numpy\.(ndarray|dtype|random\..+)"
    r"|numpy\._?core\.(multiarray\.(_reconstruct|scalar)|numeric\._frombuffer)"
)


class _Unsafe(Exception):
    """The pickle does more than hold data. The message continues after the file's name."""


class _Inert:
    """A pickled object as data: its class's name, its arguments and its state."""

    __hash__ = None

    def __new__(cls, *arguments):
        self = super().__new__(cls)
        self.arguments = arguments
        return self

    def __init__(self, *arguments):
        """Accept the arguments, which `__new__` has stored."""

    def __setstate__(self, state):
        self.state = state


def _tuple_as_list(n=None):
    """Return an opcode handler that makes a list of the last n values, or since the last mark."""

    def step(reader):
        values = reader.pop_mark() if n is None else [reader.stack.pop() for _ in range(n)][::-1]
        reader.stack.append(values)

    return step


def _read_bytearray(reader):
    # Python's own handler allocates as much memory as the pickle claims before reading any data.
    (size,) = struct.unpack("<Q", reader.read(8))
    reader.append(bytearray(reader.read(size)))


class _Reader(pickle._Unpickler):
    """Python's own unpickler, with an inert class in place of every class and function.

    Tuples become lists, which cannot be dictionary keys, because hashing a maliciously nested tuple
    can take for ever.
    """

    dispatch = pickle._Unpickler.dispatch | {
        pickle.TUPLE[0]: _tuple_as_list(),
        pickle.TUPLE1[0]: _tuple_as_list(1),
        pickle.TUPLE2[0]: _tuple_as_list(2),
        pickle.TUPLE3[0]: _tuple_as_list(3),
        pickle.BYTEARRAY8[0]: _read_bytearray,
    }

    def find_class(self, module, name):
        full_name = f"{module}.{name}"
        if not _STATISTICS_NAMES.fullmatch(full_name):
            raise _Unsafe(f"names {full_name}")
        return type(name, (_Inert,), {})


def read_statistics(path, label, names=_NUMBERS):
    """Read the numbers of a `dataset_statistics.pkl` without calling anything in it.

    Args:
      path: the file.
      label: its name for messages.
      names: of the numbers to read.

    Returns:
      {name: float} of `names`, None for one that the file does not have, and
      "loudness_quantiles_db": (n,).

    Raises:
      InstrumentError: the file is damaged or incomplete, or uses names that statistics do not need.
    """
    data = read_small(path, label)
    try:
        statistics = _Reader(io.BytesIO(data)).load()
        for key in _NEEDED:
            if key not in statistics:
                raise ValueError(f"it has no {key}")
        numbers = {key: _numbers(statistics[key]).item() for key in names if key in statistics}
        quantiles = _numbers(statistics["quantile_transform"].state["quantiles_"])
        if not np.isfinite([*numbers.values(), *quantiles]).all():
            raise ValueError("some of its numbers are NaN or infinite")
        return dict.fromkeys(names) | numbers | {"loudness_quantiles_db": quantiles}
    except _Unsafe as error:
        raise InstrumentError(
            f"{label} {error}, which statistics do not need: it may be unsafe, so it was not "
            "loaded; get the instrument from its maker."
        ) from error
    except Exception as error:  # a damaged pickle may raise anything
        raise InstrumentError(
            f"{label} could not be read ({type(error).__name__}: {one_line(error)}): download the "
            "instrument again."
        ) from error


def _numbers(value):
    """Return a pickled number or NumPy array as (n,) float64; a damaged one may raise anything."""
    if isinstance(value, int | float):
        return np.array([value], np.float64)
    match type(value).__name__:
        case "_reconstruct":
            _, _, dtype, _, data = value.state
        case "_frombuffer":
            data, dtype, _, _ = value.arguments
        case "scalar":
            dtype, data = value.arguments
    kind, byte_order = dtype.arguments[0], dtype.state[1]
    if not re.fullmatch("[fiu][1248]", kind):
        raise ValueError(f"it has an array of type {kind}")
    return np.frombuffer(data, byte_order + kind).astype(np.float64)


# Settings: gin.

# Modules that an autoencoder is built from. Without this limit, gin could also use ddsp's trainers
# and data providers, which read and write files.
_BUILDING_BLOCKS = re.compile(
    r"ddsp\.(core|dags|effects|losses|processors|spectral_ops|synths"
    r"|training\.(decoders|encoders|models|nn|preprocessing))(\..+)?|gin\.config"
)


def bindings(gin_text, label):
    """Return the settings that build an instrument's model.

    gin's own parser reads them, so this check sees exactly what gin would see. Nothing is imported;
    the modules that a model needs have already been loaded.

    Args:
      gin_text: content of `operative_config-0.gin`.
      label: the instrument's name for messages.

    Returns:
      [(key, value)] for `gin.bind_parameter`.

    Raises:
      InstrumentError: a line imports a foreign module, or refers to something that is not part of a
        model.
      Exception: any kind, if gin's parser cannot read the text.
    """
    kept = []
    for statement in gin.config_parser.ConfigParser(gin_text, _Names(skip_unknown=True)):
        line = statement.location.line_content.strip()
        match statement:
            case gin.config_parser.IncludeStatement():
                raise _unsafe_line(label, line)
            case gin.config_parser.ImportStatement():
                if statement.module.partition(".")[0] not in ("ddsp", "gin", "tensorflow"):
                    raise _unsafe_line(label, line)
            case gin.config_parser.BindingStatement():
                binding = _binding(statement, label, line)
                if binding is not None:
                    kept.append(binding)
            # The bindings of a BlockDeclaration follow it.
    return kept


class _Names(gin.config.ParserDelegate):
    """Translates names from older versions of ddsp."""

    def configurable_reference(self, scoped_name, evaluate):
        scope, slash, name = scoped_name.rpartition("/")
        return super().configurable_reference(scope + slash + vintage.name_today(name), evaluate)


def _binding(statement, label, line):
    """Return (key, value) of a statement, or None if it is not part of the model."""
    scope, selector, parameter, value, _ = statement
    if parameter:
        selector = vintage.name_today(selector)
    if parameter and not _is_building_block(selector):
        return None
    if not all(_is_building_block(reference.selector) for reference in _references(value)):
        raise _unsafe_line(label, line)
    if not parameter:  # a macro
        return (f"{scope}/{selector}" if scope else selector, "gin.macro", "value"), value
    if not _has_parameter(selector, parameter):
        # Old models have settings that ddsp has since dropped. If one mattered, the weights do not
        # fit, and that is an error.
        _LOG.warning(
            "%s sets %s.%s, which this version of ddsp does not have: the setting is ignored.",
            label,
            selector,
            parameter,
        )
        return None
    return (scope, selector, parameter), value


def _references(value):
    """Yield everything that a setting refers to, at any depth."""
    if isinstance(value, dict):
        value = [*value.keys(), *value.values()]
    if isinstance(value, list | tuple):
        for part in value:
            yield from _references(part)
    elif hasattr(value, "selector"):
        yield value


def _configurable(selector):
    return gin.config.ConfigurableReference(selector, evaluate=False).configurable.wrapped


def _is_building_block(selector):
    try:
        return bool(_BUILDING_BLOCKS.fullmatch(_configurable(selector).__module__))
    except ValueError:  # ddsp has nothing by that name
        return False


def _has_parameter(selector, parameter):
    configurable = _configurable(selector)
    # A class passes its `**kwargs` to its base class, up to Keras, which refuses unknown ones.
    # `**kwarg_modules` and the like accept any name.
    for owner in configurable.__mro__ if inspect.isclass(configurable) else [configurable]:
        names = inspect.signature(owner.__init__ if inspect.isclass(owner) else owner).parameters
        if parameter in names or any(name.startswith("kwarg_") for name in names):
            return True
        if "kwargs" not in names:
            return False
    return False


def _unsafe_line(label, line):
    return InstrumentError(
        f"The {GIN_FILE} of {label} has a line that could run code that is not part of a model "
        f"({line[:200]}), so it was not loaded: get the instrument from its maker."
    )


# Zip files.


def unzip(path, folder, label=None):
    """Extract an instrument's files from anywhere in a zip, and nothing else.

    Args:
      path: the zip.
      folder: folder to put them in.
      label: a different name for messages.

    Raises:
      InstrumentError: it is not a zip, is damaged, contains links, or is too large unpacked.
    """
    label = label or path
    try:
        with zipfile.ZipFile(path) as archive:
            for name, info in _members(archive, label).items():
                with archive.open(info) as source, open(folder / name, "wb") as target:
                    shutil.copyfileobj(source, target)
    except OSError as error:
        raise InstrumentError(
            f"{label} could not be unpacked ({error.strerror or error}): download it again, or "
            "free some disk space."
        ) from error
    except _ZIP_ERRORS as error:
        raise InstrumentError(
            _known_kind(path, label)
            or f"{label} is not a zip that can be unpacked ({error}): download it again."
        ) from error


# RuntimeError: a password. NotImplementedError: a compression method that Python lacks.
_ZIP_ERRORS = (
    zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, lzma.LZMAError, zlib.error,
)  # fmt: skip


def _known_kind(path, label):
    """Return a sentence about a file that people may mistake for an instrument, or None."""
    with open(path, "rb") as file:
        head = file.read(8)
    if head[4:] == b"TFL3":
        return (
            f"{label} is a TensorFlow Lite model, the format of DDSP-VST, whose weights cannot be "
            "restored: give the folder or zip that its training wrote."
        )
    if head.startswith((b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"7z\xbc\xaf", b"Rar!")) or (
        tarfile.is_tarfile(path)
    ):
        return f"{label} is an archive but not a zip: unpack it, and give the resulting folder."
    return None


def _members(archive, label):
    """Return {file name: ZipInfo} for the files to extract from a zip."""
    members = {}
    for info in archive.infolist():
        # Some Windows programs write backslashes, which the zip format does not allow.
        place = PurePosixPath(info.filename.replace("\\", "/"))
        if info.is_dir() or not WANTED.fullmatch(place.name) or "__MACOSX" in place.parts:
            continue
        if place.name in members:
            raise InstrumentError(
                f"{label} contains {place.name} twice: put one instrument in each zip."
            )
        if stat.S_ISLNK(info.external_attr >> 16):
            raise InstrumentError(
                f"{label} contains a link instead of {place.name}: put the file itself in the zip."
            )
        members[place.name] = info
    size = sum(info.file_size for info in members.values())
    packed = sum(info.compress_size for info in members.values())
    if size > _MAX_BYTES or size > 1_000_000 + _MAX_RATIO * packed:
        raise InstrumentError(
            f"{label} unpacks from {packed / 1e6:.1f} MB to {size / 1e6:.0f} MB, which no "
            "instrument does: get it from its maker."
        )
    return members
