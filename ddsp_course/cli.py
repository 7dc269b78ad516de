"""The command `ddsp-course`: timbre transfer, training, a report for teachers, and a check.

`ddsp-course transfer IN --to violin -o OUT.wav` takes the steps that
notebooks/02_timbre_transfer/00_demo.ipynb explains one by one. `prepare`, `train`, `export` and
`score` are explained in notebooks/03_train_your_own/00_train.ipynb, and `report` in
docs/teaching.md. `doctor` checks the installation.
"""

import argparse
import contextlib
import math
import sys
import tempfile
import time
import warnings
from pathlib import Path

from ddsp_course import files
from ddsp_course.errors import AudioError, CourseError

SOUND_SUFFIXES = (".wav", ".flac", ".ogg", ".mp3")


def main(argv=None) -> int:
    """Run the command and return its exit status.

    Args:
      argv: arguments without the program's name; None reads those of the process.

    Returns:
      0: done. 1: `doctor` found a failure. 2: the request cannot be carried out (one sentence on
      stderr says why). 130: stopped with Ctrl-C.
    """
    parser = argparse.ArgumentParser(
        prog="ddsp-course", description="The DDSP course in a terminal."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for add in (
        _add_transfer, _add_prepare, _add_train, _add_export, _add_score, _add_report, _add_doctor,
    ):  # fmt: skip
        add(commands)
    args = parser.parse_args(argv)
    for stream in (sys.stdout, sys.stderr):
        # File names may contain bytes that the terminal's encoding lacks.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _warn
            return args.run(args)
    except CourseError as error:
        print(f"ddsp-course: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("ddsp-course: stopped.", file=sys.stderr)
        return 130


def _warn(message, category, filename, lineno, file=None, line=None):
    """Replace `warnings.showwarning`: print the sentence without the line of code behind it."""
    print(f"ddsp-course: {message}", file=sys.stderr)


def transfer(args) -> int:
    """Play a recording on another instrument and write the result (`ddsp-course transfer`).

    Mistakes are found as early as possible: the names and folders of the outputs are checked first,
    then the recording, then the instrument; only then does the slow work start. The outputs appear
    whole and together.
    """
    sound_path = _output(args.output, SOUND_SUFFIXES, "--output")
    plot_path = _output(args.plot, (".png",), "--plot") if args.plot else None
    source = files.user_path(args.input)
    if sound_path.exists() and source.exists() and sound_path.samefile(source):
        raise AudioError(
            f"The output {sound_path} is the recording itself: give --output another name to keep "
            "the recording."
        )

    from ddsp_course import audio, instruments
    from ddsp_course.transfer import timbre_transfer

    recording = audio.load(args.input)
    started = time.perf_counter()
    instrument = instruments.load(args.to)
    loaded = time.perf_counter()
    played, extracted, adjusted = timbre_transfer(
        recording,
        instrument,
        progress=_someone_is_looking(),
        pitch_shift=args.pitch_shift,
        loudness_shift=args.loudness_shift,
        autotune=args.autotune,
        quiet=args.quiet,
    )
    working, loading = time.perf_counter() - loaded, loaded - started

    _write(played, sound_path, plot_path, recording, args)
    seconds = len(recording) / audio.SAMPLE_RATE
    _report(args, extracted, adjusted, seconds)
    print(f"Wrote {sound_path}" + (f" and {plot_path}." if plot_path else "."))
    print(
        f"Made {seconds:.1f} s of audio in {working:.1f} s, {seconds / working:.2f} times real "
        f"time (plus {loading:.1f} s to start TensorFlow and load the instrument)."
    )
    return 0


def _add_transfer(commands):
    command = commands.add_parser(
        "transfer",
        help="play a recording on another instrument",
        description="Play a recording on another instrument. Pitch and loudness are kept; the "
        "timbre changes.",
    )
    command.set_defaults(run=transfer)
    command.add_argument(
        "input", metavar="IN", help="the recording: any audio file, or the web address of one"
    )
    command.add_argument(
        "--to",
        default="violin",
        metavar="INSTRUMENT",
        help="a name from the catalogue, or the folder or zip of a model (default: violin)",
    )
    command.add_argument(
        "-o",
        "--output",
        required=True,
        metavar="OUT.wav",
        help=f"the audio file to write ({', '.join(SOUND_SUFFIXES)})",
    )
    command.add_argument(
        "--pitch-shift",
        type=_number(-4, 4),
        default=0.0,
        metavar="OCTAVES",
        help="octaves to add to the pitch after it has been moved to the instrument's register "
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
        help="how far to pull the pitch to the nearest semitone (0: not at all, 1: all the way; "
        "default: 0)",
    )
    command.add_argument(
        "--quiet",
        type=_number(0, 60),
        default=20.0,
        metavar="DB",
        help="decibels to subtract between notes (0 to 60; default: 20)",
    )
    command.add_argument(
        "--plot", metavar="OUT.png", help="also save both spectrograms to this file"
    )


def _output(name, suffixes, option):
    """Return `name` as a writable Path, or raise AudioError. Leaves no file behind."""
    path = files.user_path(name)
    if path.suffix.lower() not in suffixes:
        raise AudioError(f"{option} {name} has the wrong suffix: use {' or '.join(suffixes)}.")
    try:
        is_folder = path.is_dir()
    except OSError as error:  # the name is too long
        raise AudioError(
            f"{option} {name[:200]} is not a valid file name ({error.strerror}): use another."
        ) from error
    if is_folder:
        raise AudioError(f"{option} {name} is a folder: name a file in it.")
    if not path.parent.is_dir():
        raise AudioError(
            f"The folder {path.parent} for {option} {path.name} does not exist: make it with "
            f"`mkdir -p {path.parent}`."
        )
    try:
        with tempfile.TemporaryFile(dir=path.parent):  # the only reliable test
            return path
    except OSError as error:
        raise AudioError(
            f"The folder {path.parent} is not writable ({error.strerror}): choose a different "
            f"folder for {path.name}."
        ) from error


def _write(played, sound_path, plot_path, recording, args):
    """Write the audio and, if requested, the picture: both whole, or neither."""
    from ddsp_course import audio

    try:
        with contextlib.ExitStack() as outputs:
            sound = outputs.enter_context(files.whole_file(sound_path))
            audio.write(sound, played)
            if plot_path:
                picture = outputs.enter_context(files.whole_file(plot_path))
                _draw(picture, recording, played, args)
    except OSError as error:
        raise AudioError(
            f"{sound_path} could not be written ({error.strerror or error}): free some disk "
            "space or choose a different folder."
        ) from error


def _draw(picture, recording, played, args):
    """Save the spectrograms of the recording and of the instrument as a PNG."""
    import matplotlib

    # No window is opened, so this works without a display.
    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    from ddsp_course import plots

    name = Path(args.input).name
    figure, axes = plt.subplots(2, 1, figsize=(9, 6.5), layout="constrained")
    name = name.encode("utf-8", "replace").decode("utf-8")
    plots.spectrogram(recording, ax=axes[0], title=f"Before: {name}")
    plots.spectrogram(played, ax=axes[1], title=f"After: {Path(args.to).name}")
    with warnings.catch_warnings():
        # The font lacks letters of many languages and draws boxes instead.
        warnings.filterwarnings("ignore", "Glyph")
        figure.savefig(picture, dpi=120)
    plt.close(figure)


def _report(args, extracted, adjusted, seconds):
    """Print what was done to the recording."""
    import numpy as np

    mask = adjusted.note_mask
    print(f"{args.input}: {seconds:.1f} s, {mask.mean():.0%} of it notes.")
    moved = np.median(np.log2(adjusted.f0_hz / extracted.f0_hz))
    f0_hz = adjusted.f0_hz[mask] if mask.any() else adjusted.f0_hz
    print(
        f"As {args.to}: moved by {moved:+.1f} octaves to around {np.median(f0_hz):.0f} Hz"
        + (f", autotune {args.autotune:g}" if args.autotune else "")
        + (f", loudness shifted by {args.loudness_shift:+g} dB" if args.loudness_shift else "")
        + "."
    )


def prepare(args) -> int:
    """Turn a folder of recordings into a dataset (`ddsp-course prepare`)."""
    from ddsp_course.training import data

    data.prepare_recordings(
        args.recordings,
        args.dataset,
        args.held_out,
        args.beam_options,
        progress=_someone_is_looking(),
        skip_bad=args.skip_bad,
    )
    print(f"Wrote {args.dataset}. Next: ddsp-course train {args.dataset} RUN")
    return 0


def _add_prepare(commands):
    command = commands.add_parser(
        "prepare",
        help="turn a folder of recordings into a dataset",
        description="Check the recordings of one instrument, measure their pitch and loudness, "
        "and write them as a dataset to train on.",
        epilog="Options after -- are passed to Apache Beam unchanged, for example: "
        "ddsp-course prepare RECORDINGS DATASET -- --runner=FlinkRunner --flink_master=HOST:8081",
    )
    command.set_defaults(run=prepare)
    command.add_argument("recordings", metavar="RECORDINGS", help="folder of audio files")
    command.add_argument(
        "dataset", metavar="DATASET", help="folder to write, which must not exist yet"
    )
    command.add_argument(
        "--held-out",
        type=_number(0, 0.5),
        default=0.1,
        metavar="SHARE",
        help="share to hold out from training, for `score` (0 to 0.5; default: 0.1)",
    )
    command.add_argument(
        "--skip-bad", action="store_true", help="skip recordings that cannot be used"
    )
    command.add_argument(
        "beam_options", nargs="*", metavar="-- BEAM OPTIONS", help="see below (default: none)"
    )


def train(args) -> int:
    """Train a model on a dataset, or resume its training (`ddsp-course train`)."""
    from ddsp_course.training import run

    gin_files = [run.VST_SETTINGS] if args.player == "vst" else []
    losses = run.train(
        args.dataset,
        args.run_folder,
        args.strategy,
        args.steps,
        gin_files + args.gin_file,
        args.gin,
        progress=_someone_is_looking(),
    )
    if losses:
        step = max(losses)
        print(f"Step {step}: loss {losses[step]:.2f}.")
    else:
        print("Already trained to this step; pass a larger --steps to continue.")
    print(f"Next: ddsp-course export {args.dataset} {args.run_folder} INSTRUMENT")
    return 0


def _add_train(commands):
    command = commands.add_parser(
        "train",
        help="train a model on a dataset",
        description="Train a model, or resume the last run in the folder RUN. Ctrl-C saves and "
        "stops.",
    )
    command.set_defaults(run=train)
    command.add_argument("dataset", metavar="DATASET", help="from `prepare`")
    command.add_argument(
        "run_folder", metavar="RUN", help="folder for checkpoints and TensorBoard logs"
    )
    command.add_argument(
        "--for",
        dest="player",
        choices=("course", "vst"),
        default="course",
        help="what will play it: the course (default), or the plugin DDSP-VST in a DAW",
    )
    command.add_argument(
        "--strategy",
        choices=("one", "mirrored", "multiworker"),
        default="one",
        help="one device (default), all GPUs of this machine, or the machines in TF_CONFIG",
    )
    command.add_argument(
        "--steps", type=int, metavar="N", help="step at which to stop (default: 5000)"
    )
    command.add_argument(
        "--gin-file",
        action="append",
        default=[],
        metavar="FILE",
        help="a gin file that overrides settings",
    )
    command.add_argument(
        "--gin",
        action="append",
        default=[],
        metavar="SETTING",
        help='a setting to override, such as "train.batch_size = 8"; can be repeated',
    )


# Who plays what `export --to` writes: the suffix of the file.
PLAYERS = {"vst": ".tflite", "web": ".safetensors"}


def export(args) -> int:
    """Write a trained model as an instrument, or an instrument as a file (`ddsp-course export`)."""
    if args.to:
        return _export_file(args)
    from ddsp_course import instruments
    from ddsp_course.training import run

    if len(args.paths) != 3:
        raise CourseError(
            "What was trained becomes an instrument with `ddsp-course export DATASET RUN "
            "INSTRUMENT`, and an instrument a file with `ddsp-course export INSTRUMENT --to vst "
            "FILE`: give these names."
        )
    dataset, run_folder, instrument = args.paths
    step = run.export(dataset, run_folder, instrument, args.step)
    print(f"Wrote {instrument} (step {step}).")
    if instruments.reads_power():
        print(f"Next: ddsp-course export {instrument} --to vst NAME.tflite")
    else:
        print(f"Next: ddsp-course transfer IN --to {instrument} -o OUT.wav")
    return 0


def _export_file(args):
    player, name = args.to
    if player not in PLAYERS or len(args.paths) != 1 or args.step is not None:
        raise CourseError(
            f"A file is written with `ddsp-course export INSTRUMENT --to {'|'.join(PLAYERS)} "
            "FILE`: give one instrument and one of these."
        )
    path = _output(name, (PLAYERS[player],), "--to " + player)
    if player == "vst":
        from ddsp_course import vst

        vst.to_vst(args.paths[0], path)
        print(f"Wrote {path}. Next: put it in Documents/Magenta/DDSP/Models and start the plugin.")
    else:
        from ddsp_course import instruments, web_export

        web_export.to_web(instruments.load(args.paths[0]), path)
        print(f"Wrote {path}.")
    return 0


def _add_export(commands):
    command = commands.add_parser(
        "export",
        help="write a trained model as an instrument",
        usage="%(prog)s DATASET RUN INSTRUMENT [--step STEP]\n       %(prog)s INSTRUMENT --to {vst,web} FILE",
        description="Write a checkpoint of a training run as an instrument, a folder that "
        "`transfer --to` accepts; or an instrument as one file for another player.",
    )
    command.set_defaults(run=export)
    command.add_argument(
        "paths",
        nargs="+",
        metavar="DATASET RUN INSTRUMENT",
        help="the dataset it was trained on, the folder of the training run, and the folder to "
        "write; with --to, the instrument alone",
    )
    command.add_argument(
        "--to",
        nargs=2,
        metavar=("PLAYER", "FILE"),
        help="write a file for the plugin DDSP-VST (vst, NAME.tflite) or for the browser (web, "
        "NAME.safetensors)",
    )
    command.add_argument(
        "--step", type=int, help="step of the checkpoint, if not the last (not with --to)"
    )


def score(args) -> int:
    """Score an instrument on a dataset's held-out part (`ddsp-course score`)."""
    from ddsp_course import instruments, vst
    from ddsp_course.training import scores

    phrases = scores.held_out_phrases(args.dataset)
    if Path(args.instrument).suffix == PLAYERS["vst"]:
        instrument = vst.Plugin(args.instrument)
    else:
        instrument = instruments.load(args.instrument)
    for name, value in scores.measure(instrument, phrases, progress=_someone_is_looking()).items():
        print(f"{name}: {value}")
    return 0


def _add_score(commands):
    command = commands.add_parser(
        "score",
        help="score an instrument",
        description="Let an instrument play the held-out part of a dataset, and score the result.",
    )
    command.set_defaults(run=score)
    command.add_argument(
        "instrument", metavar="INSTRUMENT", help="its name, folder, or file for DDSP-VST"
    )
    command.add_argument("dataset", metavar="DATASET", help="from `prepare`")


def report(args) -> int:
    """Report which exercises learners have solved (`ddsp-course report`)."""
    from ddsp_course import report

    table_path = _output(args.output, (".csv",), "--output") if args.output else None
    rows = report.of_folder(args.folder, leave_out=table_path)
    print(report.summary(rows))
    if table_path:
        try:
            report.write(rows, table_path)
        except OSError as error:
            raise CourseError(
                f"{table_path} could not be written ({error.strerror or error}): close it where it "
                "is open, or choose a different folder."
            ) from error
        print(f"Wrote {table_path}.")
    return 0


def _add_report(commands):
    command = commands.add_parser(
        "report",
        help="report which exercises learners have solved",
        description="Read which exercises are solved in a folder of learners' notebooks, from "
        "their saved outputs. Nothing is run.",
    )
    command.set_defaults(run=report)
    command.add_argument(
        "folder", metavar="FOLDER", help="folder of notebooks, best with a folder per learner"
    )
    command.add_argument(
        "-o", "--output", metavar="OUT.csv", help="also write a row per exercise to this file"
    )


def doctor(args) -> int:
    """Check each part of the installation and print how to fix it (`ddsp-course doctor`)."""
    from ddsp_course import doctor

    return doctor.examine()


def _add_doctor(commands):
    command = commands.add_parser(
        "doctor",
        help="check the installation",
        description="Check each part of the installation, and say how to fix any that fails.",
    )
    command.set_defaults(run=doctor)


def _someone_is_looking():
    # In a log file or a pipe a progress bar is noise.
    return sys.stderr.isatty()


def _number(lowest, highest):
    """Return an argparse type that accepts a finite number within [lowest, highest]."""

    def number(text):
        value = float(text)
        if not math.isfinite(value) or not lowest <= value <= highest:
            raise argparse.ArgumentTypeError(f"{text} is not between {lowest:g} and {highest:g}")
        return value

    return number


if __name__ == "__main__":
    sys.exit(main())
