"""The command `ddsp-course`: timbre transfer, training, and a check of the installation.

`ddsp-course transfer IN --to violin -o OUT.wav` takes the steps that
notebooks/02_timbre_transfer/00_demo.ipynb explains one at a time; `prepare`, `train`, `export`
and `score` those of notebooks/03_train_your_own/00_train.ipynb. `ddsp-course doctor` looks at
each part of the installation and says what to do about those that fail.
"""

import argparse
import contextlib
import importlib.metadata
import math
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from ddsp_course import _paths
from ddsp_course.errors import AudioError, CourseError, SetupError

SOUND_SUFFIXES = (".wav", ".flac", ".ogg", ".mp3")
OFFICIAL_MODELS = (
    "https://storage.googleapis.com/ddsp/models/timbre_transfer_colab/2021-07-08/"
    "solo_violin_ckpt.zip"
)
SOUNDFONT = Path("/usr/share/sounds/sf2/FluidR3_GM.sf2")
REINSTALL = "install the course again with `make lab`"


def main(argv=None) -> int:
    """Run the command and return its exit status.

    Args:
      argv: the arguments, without the program's name; None takes those of the process.

    Returns:
      0: done. 1: `doctor` found something that fails. 2: what was asked cannot be done (one
      sentence on stderr says why). 130: stopped with Ctrl-C.
    """
    args = _parser().parse_args(argv)
    try:
        return args.run(args)
    except CourseError as error:
        print(f"ddsp-course: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("ddsp-course: stopped.", file=sys.stderr)
        return 130


def transfer(args) -> int:
    """Play a recording on another instrument and write the result (`ddsp-course transfer`).

    What can be wrong is found as early as possible: the outputs' names and folders first, then
    the recording, then the instrument, then the long work. The outputs appear whole and together.
    """
    sound_path = _output(args.output, SOUND_SUFFIXES, "--output")
    plot_path = _output(args.plot, (".png",), "--plot") if args.plot else None
    if sound_path.exists() and Path(args.input).exists() and sound_path.samefile(args.input):
        raise AudioError(
            f"The output {sound_path} is the recording itself: give --output another name, so "
            "that the recording is kept."
        )

    from ddsp_course import audio, conditioning, features, instruments

    recording = audio.load(args.input)
    seconds = len(recording) / audio.SAMPLE_RATE
    started = time.perf_counter()
    instrument = instruments.load(args.to)
    loading = time.perf_counter() - started

    started = time.perf_counter()
    # A bar is for eyes: in a file or a pipe it would be noise.
    progress = sys.stderr.isatty()
    before = features.extract(
        recording, loudness_definition=instrument.loudness_definition, progress=progress
    )
    after = conditioning.adjust(
        before,
        instrument.statistics,
        pitch_shift=args.pitch_shift,
        loudness_shift=args.loudness_shift,
        autotune=args.autotune,
        quiet=args.quiet,
    )
    played = instrument.play(after, progress=progress)
    working = time.perf_counter() - started

    _write(played, sound_path, plot_path, recording, args)
    _report(args, before, after, seconds, sound_path, plot_path)
    print(
        f"Made {seconds:.1f} s of sound in {working:.1f} s: {seconds / working:.2f} s of sound a "
        f"second of work (and {loading:.1f} s to start TensorFlow and load the instrument)."
    )
    return 0


def _output(name, suffixes, option):
    """Return `name` as a Path that can be written, or raise AudioError. Leaves nothing behind."""
    path = Path(name)
    if path.suffix.lower() not in suffixes:
        raise AudioError(
            f"{option} {name} should end in {' or '.join(suffixes)}: give it such a name."
        )
    if path.is_dir():
        raise AudioError(f"{option} {name} is a folder: name a file in it.")
    if not path.parent.is_dir():
        raise AudioError(
            f"The folder {path.parent} for {option} {path.name} does not exist: make it with "
            f"`mkdir -p {path.parent}`."
        )
    with _room_beside(path):
        return path


@contextlib.contextmanager
def _room_beside(path):
    """Yield a folder beside `path`, on the same disk, gone at the end whatever happens."""
    try:
        room = tempfile.TemporaryDirectory(dir=path.parent, prefix=".ddsp-course-")
    except OSError as error:
        raise AudioError(
            f"The folder {path.parent} cannot be written ({error.strerror}): choose another "
            f"place for {path.name}."
        ) from error
    with room as folder:
        yield Path(folder)


def _write(played, sound_path, plot_path, recording, args):
    """Write the sound and, if asked for, the picture: both whole, or neither."""
    from ddsp_course import audio

    with contextlib.ExitStack() as rooms:
        try:
            sound = rooms.enter_context(_room_beside(sound_path)) / sound_path.name
            audio.write(sound, played)
            if plot_path:
                picture = rooms.enter_context(_room_beside(plot_path)) / plot_path.name
                _draw(picture, recording, played, args)
                os.replace(picture, plot_path)
            os.replace(sound, sound_path)
        except OSError as error:
            raise AudioError(
                f"{sound_path} could not be written ({error.strerror or error}): free some disk "
                "space or choose another place."
            ) from error


def _draw(picture, recording, played, args):
    """Save the spectrograms of the recording and of the instrument as a PNG."""
    import matplotlib

    # A window is never opened, so a machine without a screen will do.
    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    from ddsp_course import plots

    name = Path(args.input).name
    figure, axes = plt.subplots(2, 1, figsize=(9, 6.5), layout="constrained")
    plots.spectrogram(recording, ax=axes[0], title=f"Recording: {name}")
    plots.spectrogram(played, ax=axes[1], title=f"The same as {args.to}")
    figure.savefig(picture, dpi=120)
    plt.close(figure)


def _report(args, before, after, seconds, sound_path, plot_path):
    """Print what was done to the recording, in a few lines."""
    import numpy as np

    def median_pitch(features):
        heard = features.note_mask if features.note_mask is not None else np.ones(1, bool)
        f0_hz = features.f0_hz[heard] if heard.any() and heard.size > 1 else features.f0_hz
        return np.median(f0_hz)

    heard = "" if after.note_mask is None else f", a note in {after.note_mask.mean():.0%} of it"
    print(f"{args.input}: {seconds:.1f} s{heard}.")
    moved = np.median(np.log2(after.f0_hz / before.f0_hz))
    print(
        f"As {args.to}: moved by {moved:+.1f} octaves to around {median_pitch(after):.0f} Hz"
        + (f", autotune {args.autotune:g}" if args.autotune else "")
        + (f", loudness shifted by {args.loudness_shift:+g} dB" if args.loudness_shift else "")
        + "."
    )
    print(f"Wrote {sound_path}" + (f" and {plot_path}." if plot_path else "."))


def prepare(args) -> int:
    """Turn a folder of recordings into a dataset (`ddsp-course prepare`)."""
    from ddsp_course.training import data

    data.prepare_recordings(
        args.recordings, args.dataset, args.held_out, args.beam_options, sys.stderr.isatty()
    )
    print(f"Wrote {args.dataset}. Next: ddsp-course train {args.dataset} RUN")
    return 0


def train(args) -> int:
    """Train a model on a dataset, or go on with it (`ddsp-course train`)."""
    from ddsp_course.training import run

    losses = run.train(
        args.dataset,
        args.run_folder,
        args.strategy,
        args.steps,
        args.gin_file,
        args.gin,
        progress=sys.stderr.isatty(),
    )
    if losses:
        step = max(losses)
        print(f"Step {step}: loss {losses[step]:.2f}.")
    else:
        print("It had been trained so far already: give more --steps to go on.")
    print(f"Next: ddsp-course export {args.dataset} {args.run_folder} INSTRUMENT")
    return 0


def export(args) -> int:
    """Write what was trained as an instrument (`ddsp-course export`)."""
    from ddsp_course.training import run

    step = run.export(args.dataset, args.run_folder, args.instrument)
    print(f"Wrote {args.instrument} (step {step}).")
    print(f"Next: ddsp-course transfer IN --to {args.instrument} -o OUT.wav")
    return 0


def score(args) -> int:
    """Measure an instrument on what a dataset keeps for it (`ddsp-course score`)."""
    from ddsp_course import instruments
    from ddsp_course.training import scores

    phrases = scores.held_out_phrases(args.dataset)
    instrument = instruments.load(args.instrument)
    for name, value in scores.measure(instrument, phrases, progress=sys.stderr.isatty()).items():
        print(f"{name}: {value}")
    return 0


def doctor(args) -> int:
    """Check the installation part by part and print what to do (`ddsp-course doctor`).

    Returns:
      0 if everything that the course needs works, else 1.
    """
    failed = 0
    for title, check, remedy, needed in _checks():
        try:
            detail = check()
            mark = "ok"
        # A doctor must outlive whatever is broken, and say it.
        except Exception as error:  # noqa: BLE001
            detail = " ".join(str(error).split()) or type(error).__name__
            mark = "FAILED" if needed else "absent"
            failed += needed
        print(f"{mark:<7} {title}: {detail}", flush=True)
        if mark != "ok":
            print(f"        -> {remedy}")
    if failed:
        print(f"{failed} part(s) failed: each line marked FAILED is followed by what to do.")
        return 1
    print("Everything that the course needs works.")
    return 0


def _checks():
    """Return [(title, function, what to do if it raises, whether the course needs it)]."""
    in_colab = "COLAB_RELEASE_TAG" in os.environ
    return [
        ("Python", _python, "install Python 3.11, 3.12 or 3.13, then run `make lab`", True),
        *_packages(),
        ("TensorFlow with Keras 2", _tensorflow, REINSTALL, True),
        ("ddsp and ddsp.training", _ddsp, REINSTALL, True),
        ("import crepe", _crepe_module, REINSTALL, True),
        (
            "pitch weights",
            _crepe_weights,
            "get assets/crepe again with `git checkout assets`",
            True,
        ),
        ("violin", _violin, "get assets/instruments again with `git checkout assets`", True),
        ("one second as a violin", _one_second, "look at the first part that failed above", True),
        ("sound files", _soundfile, REINSTALL, True),
        ("videos, webm and m4a", _pyav, "run `pip install av`", not in_colab),
        ("JupyterLab", lambda: importlib.metadata.version("jupyterlab"), REINSTALL, not in_colab),
        ("ipywidgets", lambda: importlib.metadata.version("ipywidgets"), REINSTALL, True),
        (
            "cache for downloads",
            _cache,
            "name a folder that you can write in the environment variable DDSP_COURSE_CACHE",
            True,
        ),
        (
            "official models on the network",
            _network,
            "they are needed only for instruments that do not come with the course",
            False,
        ),
        (
            "FluidSynth",
            _fluidsynth,
            "install fluidsynth and fluid-soundfont-gm to make the course's own sounds anew",
            False,
        ),
    ]


def _python():
    version = ".".join(map(str, sys.version_info[:3]))
    if not (3, 11) <= sys.version_info[:2] <= (3, 13):
        raise SetupError(f"{version}, and the course needs 3.11 to 3.13")
    return version


def _packages():
    """Return a check for each package that pyproject.toml names, with the version it asks for."""
    import tomllib

    try:
        settings = tomllib.loads((_paths.ASSETS.parent / "pyproject.toml").read_text("utf-8"))
        from packaging.requirements import Requirement
    except (OSError, ImportError) as error:
        message = f"they could not be looked up ({error})"

        def lost():
            raise SetupError(message)

        return [("packages", lost, "clone the course again and run `make lab`", True)]

    def version_of(requirement):
        # On Linux TensorFlow may be installed under either of its names.
        twin = {"tensorflow": "tensorflow-cpu", "tensorflow-cpu": "tensorflow"}
        for name in (requirement.name, twin.get(requirement.name, requirement.name)):
            with contextlib.suppress(importlib.metadata.PackageNotFoundError):
                version = importlib.metadata.version(name)
                if not requirement.specifier.contains(version, prereleases=True):
                    raise SetupError(f"{version}, and the course needs {requirement.specifier}")
                return version
        raise SetupError("not installed")

    lines = list(settings["project"]["dependencies"])
    for patched in settings["tool"]["uv"]["dependency-metadata"]:
        lines += patched["requires-dist"]
    checks = {}
    for requirement in map(Requirement, lines):
        # PyAV has a check of its own, since Colab does without it.
        if requirement.name == "av" or requirement.name in checks:
            continue
        if requirement.marker is None or requirement.marker.evaluate():
            checks[requirement.name] = (
                requirement.name,
                lambda requirement=requirement: version_of(requirement),
                f"run `pip install '{requirement.name}{requirement.specifier}'` or {REINSTALL}",
                True,
            )
    return [checks[name] for name in sorted(checks)]


def _tensorflow():
    from ddsp_course import _tensorflow

    tf = _tensorflow.load()
    return f"{tf.__version__}, {tf.keras.layers.Layer.__module__.split('.')[0]}"


def _ddsp():
    from ddsp_course import _tensorflow

    return _tensorflow.load_ddsp().__version__


def _crepe_module():
    import crepe

    if not callable(getattr(crepe, "predict", None)):
        raise SetupError(f"{crepe.__name__} has no function `predict`")
    return "the course's own" if crepe.__name__ == "ddsp_course.crepe" else "the original package"


def _crepe_weights():
    from ddsp_course import crepe

    crepe.load("course")
    return "load"


def _violin():
    from ddsp_course import instruments

    return f"loads, {instruments.load('violin').sample_rate} Hz"


def _one_second():
    import numpy as np

    from ddsp_course import transfer

    seconds = np.arange(16000) / 16000
    tone = sum(0.3 / n * np.sin(2 * np.pi * 440 * n * seconds) for n in range(1, 6))
    started = time.perf_counter()
    played = transfer.timbre_transfer(tone.astype(np.float32), "violin")[0]
    if not (np.isfinite(played).all() and np.abs(played).max() > 1e-3):
        raise SetupError("the violin stays silent")
    return f"{time.perf_counter() - started:.1f} s of work"


def _soundfile():
    from ddsp_course import audio

    recording = audio.load(_paths.ASSETS / "audio" / "phrase.ogg")
    return f"the bundled recording has {len(recording) / audio.SAMPLE_RATE:.1f} s"


def _pyav():
    import av

    for name in ("opus", "aac"):
        av.codec.Codec(name, "r")
    return f"PyAV {av.__version__}"


def _cache():
    folder = _paths.cache()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        return str(folder)


def _network():
    from urllib.request import Request, urlopen

    with urlopen(Request(OFFICIAL_MODELS, method="HEAD"), timeout=5):
        return "reachable"


def _fluidsynth():
    program = shutil.which("fluidsynth")
    if not program:
        raise SetupError("not installed")
    if not SOUNDFONT.exists():
        raise SetupError(f"no soundfont at {SOUNDFONT}")
    return program


def _number(lowest, highest):
    """Return an argparse type: a finite number within [lowest, highest]."""

    def number(text):
        value = float(text)
        if not math.isfinite(value) or not lowest <= value <= highest:
            raise argparse.ArgumentTypeError(f"{text} is not between {lowest:g} and {highest:g}")
        return value

    return number


def _parser():
    parser = argparse.ArgumentParser(
        prog="ddsp-course", description="The DDSP course in a terminal."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    command = commands.add_parser(
        "transfer",
        help="play a recording on another instrument",
        description="Play a recording on another instrument: its pitch and loudness are kept, "
        "its timbre is not.",
    )
    command.set_defaults(run=transfer)
    command.add_argument(
        "input", metavar="IN", help="the recording: any sound file, or a web address of one"
    )
    command.add_argument(
        "--to",
        default="violin",
        metavar="INSTRUMENT",
        help="a name from the catalogue, or a folder or zip with a model (default: violin)",
    )
    command.add_argument(
        "-o",
        "--output",
        required=True,
        metavar="OUT.wav",
        help=f"the sound to write ({', '.join(SOUND_SUFFIXES)})",
    )
    command.add_argument(
        "--pitch-shift",
        type=_number(-4, 4),
        default=0.0,
        metavar="OCTAVES",
        help="octaves to add to the pitch, after it was moved to the instrument's register "
        "(-4 to 4; 1/12 is a semitone; default: 0)",
    )
    command.add_argument(
        "--loudness-shift",
        type=_number(-60, 20),
        default=0.0,
        metavar="DB",
        help="decibels to add to the loudness (-60 to 20; default: 0)",
    )
    command.add_argument(
        "--autotune",
        type=_number(0, 1),
        default=0.0,
        metavar="AMOUNT",
        help="how far to draw the pitch to the nearest semitone (0: not, 1: all the way; "
        "default: 0)",
    )
    command.add_argument(
        "--quiet",
        type=_number(0, 60),
        default=20.0,
        metavar="DB",
        help="decibels to take off where no note is played (0 to 60; default: 20)",
    )
    command.add_argument(
        "--plot", metavar="OUT.png", help="also draw both spectrograms to this file"
    )

    command = commands.add_parser(
        "prepare",
        help="turn a folder of recordings into a dataset",
        description="Check the recordings of one instrument, measure their pitch and loudness, "
        "and write them as a dataset to train on.",
        epilog="What follows -- goes to Apache Beam unchanged, for example: "
        "ddsp-course prepare RECORDINGS DATASET -- --runner=FlinkRunner --flink_master=HOST:8081",
    )
    command.set_defaults(run=prepare)
    command.add_argument("recordings", metavar="RECORDINGS", help="folder of sound files")
    command.add_argument("dataset", metavar="DATASET", help="folder to write; it must be new")
    command.add_argument(
        "--held-out",
        type=_number(0, 0.5),
        default=0.1,
        metavar="SHARE",
        help="how much to keep for `score` and not to learn from (0 to 0.5; default: 0.1)",
    )
    command.add_argument(
        "beam_options", nargs="*", metavar="-- BEAM OPTIONS", help="see below (default: none)"
    )

    command = commands.add_parser(
        "train",
        help="train a model on a dataset",
        description="Train a model, or go on where the last run in the folder RUN ended. Ctrl-C "
        "saves and stops.",
    )
    command.set_defaults(run=train)
    command.add_argument("dataset", metavar="DATASET", help="from `prepare`")
    command.add_argument(
        "run_folder", metavar="RUN", help="folder for checkpoints and TensorBoard's curves"
    )
    command.add_argument(
        "--strategy",
        choices=("one", "mirrored", "multiworker"),
        default="one",
        help="one processor (default), all GPUs of this machine, or the machines in TF_CONFIG",
    )
    command.add_argument("--steps", type=int, metavar="N", help="up to which step (default: 5000)")
    command.add_argument(
        "--gin-file", action="append", default=[], metavar="FILE", help="settings to override"
    )
    command.add_argument(
        "--gin",
        action="append",
        default=[],
        metavar="SETTING",
        help='a setting to override, such as "train.batch_size = 8"; may be given again',
    )

    command = commands.add_parser(
        "export",
        help="write a trained model as an instrument",
        description="Write the last checkpoint of a training as an instrument's folder, which "
        "`transfer --to` takes.",
    )
    command.set_defaults(run=export)
    command.add_argument("dataset", metavar="DATASET", help="what it was trained on")
    command.add_argument("run_folder", metavar="RUN", help="the training's folder")
    command.add_argument("instrument", metavar="INSTRUMENT", help="folder to write")

    command = commands.add_parser(
        "score",
        help="measure an instrument",
        description="Let an instrument play what a dataset keeps for evaluation, and measure it.",
    )
    command.set_defaults(run=score)
    command.add_argument("instrument", metavar="INSTRUMENT", help="its name or folder")
    command.add_argument("dataset", metavar="DATASET", help="from `prepare`")

    command = commands.add_parser(
        "doctor",
        help="check the installation",
        description="Check the installation part by part, and say what to do about what fails.",
    )
    command.set_defaults(run=doctor)
    return parser


if __name__ == "__main__":
    sys.exit(main())
