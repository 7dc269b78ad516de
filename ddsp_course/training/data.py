"""From recordings, or from a soundfont, to a dataset: TFRecord files of one-second pieces.

Recordings go through the stages of ddsp's own Apache Beam pipeline (`ddsp_prepare_tfrecord`),
which find their pitch by CREPE; a soundfont's phrases bring theirs. Both run on Beam's direct runner, or on any other with that runner's options.
Explained in notebooks/03_train_your_own/00_train.ipynb.
"""

import contextlib
import errno
import functools
import logging
import shutil
import tempfile
import threading
import warnings
from pathlib import Path

import numpy as np

from ddsp_course import _tensorflow, audio, crepe, features
from ddsp_course.errors import AudioError, TrainingError
from ddsp_course.features import FRAME_RATE, HOP_SIZE, SAMPLE_RATE
from ddsp_course.training import soundfonts

SUFFIXES = (".wav", ".flac", ".mp3", ".ogg", ".opus", ".aif", ".aiff", ".m4a", ".webm", ".aac")
# Phrases of a soundfont from this seed on are never learned from.
HELD_OUT_SEED = 9000
# A piece must be as long as solo_instrument.gin says.
EXAMPLE_S = 1.0
HOP_S = 0.5
# ddsp cuts recordings into chunks before anything else, and drops what fills no example.
_CHUNK_S = 20.0
_ENOUGH_S = 10.0
_PEAK = 1e-3
# Beam's direct runner, without its new first choice: a program called Prism that it downloads.
_RUNNER = "apache_beam.runners.portability.fn_api_runner.FnApiRunner"
# See `harmonic_shares`. Measured: on 16 phrases of eight instruments and a real trumpet at least
# 0.72 and 0.95; on 12 chords of four, but for octaves, one of the two was lower in all but one.
_ONE_VOICE_POWER = 0.6
_ONE_VOICE_PRESENT = 0.93


def prepare_recordings(folder, dataset, held_out=0.1, beam_options=(), progress=False):
    """Turn a folder of recordings into a dataset.

    The recordings are checked first: all of them, and before anything is computed from them.

    Args:
      folder: where the recordings lie (and in folders below), one instrument, one note at a time.
      dataset: folder to write; it appears whole or not at all. `train*` and `held_out*` lie in it.
      held_out: share of the recordings, 0 to 0.5, that is kept for evaluation.
      beam_options: options of the Apache Beam runner, such as ["--runner=FlinkRunner", ...].
      progress: show a progress bar.

    Returns:
      `dataset` as a Path.

    Raises:
      TrainingError: there are no recordings, one of them is too short, silent, unreadable or not
        of one voice, there are fewer than 10 s in all, or the disk is full.
    """
    from tqdm.auto import tqdm

    folder = Path(folder)
    paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
    if not paths:
        raise TrainingError(
            f"There is no sound file in {folder}: give a folder with recordings "
            f"({', '.join(SUFFIXES)})."
        )
    model = crepe.load("course")
    with _whole(dataset) as (room, work):
        pieces, total = [], 0.0
        for path in tqdm(paths, desc="recordings", unit="file", disable=not progress):
            sound = _check(path, model)
            total += len(sound) / SAMPLE_RATE
            # In chunks, so that no second that is held out overlaps with one that is learned.
            for start in range(0, len(sound), int(_CHUNK_S * SAMPLE_RATE)):
                chunk = sound[start : start + int(_CHUNK_S * SAMPLE_RATE)]
                if len(chunk) >= EXAMPLE_S * SAMPLE_RATE:
                    pieces.append(work / f"{len(pieces):05d}.wav")
                    audio.write(pieces[-1], chunk)
        if total < _ENOUGH_S:
            raise TrainingError(
                f"The recordings in {folder} are {total:.1f} s long in all, and at least "
                f"{_ENOUGH_S:.0f} s are needed (ten minutes are better): add some."
            )
        kept = set(_spread(len(pieces), held_out))
        groups = {
            "train": [p for i, p in enumerate(pieces) if i not in kept],
            "held_out": [p for i, p in enumerate(pieces) if i in kept],
        }
        with pitch_by(model):
            for name, group in groups.items():
                if group:
                    inputs, ticks = [str(p) for p in group], work / name
                    with _progress(ticks, len(inputs), f"{name}: chunks", progress):
                        _run_pipeline(inputs, recording_examples, room / name, beam_options, ticks)
    return Path(dataset)


def prepare_program(program, lowest, highest, dataset, soundfont=("fluidr3",), n_phrases=60,
                    n_held_out=6, beam_options=(), progress=False):  # fmt: skip
    """Turn an instrument of a soundfont into a dataset whose pitch is known exactly.

    Args:
      program: General MIDI program, 0 to 127.
      lowest, highest: the instrument's range, MIDI pitches.
      dataset: folder to write; it appears whole or not at all.
      soundfont: tuple of what `soundfonts.find` takes; phrases are shared out among them.
      n_phrases, n_held_out: phrases of 10 s to learn from, and for evaluation.
      beam_options: options of the Apache Beam runner.
      progress: show a progress bar.

    Returns:
      `dataset` as a Path.

    Raises:
      TrainingError: FluidSynth or a soundfont is missing, or the disk is full.
    """
    for name in soundfont:
        soundfonts.find(name)
    with _whole(dataset) as (room, work):
        # No phrase is both learned and held out.
        for name, seeds in (
            ("train", range(n_phrases)),
            ("held_out", range(HELD_OUT_SEED, HELD_OUT_SEED + n_held_out)),
        ):
            tasks = [(program, lowest, highest, s, soundfont[s % len(soundfont)]) for s in seeds]
            ticks = work / name
            with _progress(ticks, len(tasks), f"{name}: phrases", progress):
                _run_pipeline(tasks, phrase_examples, room / name, beam_options, ticks)
    return Path(dataset)


def recording_examples(path):
    """Read a recording and yield its one-second pieces, by the stages of ddsp's Beam pipeline.

    As in ddsp's `prepare_tfrecord`, but for two things. It reads by `audio.load`: pydub, with
    which ddsp does, needs the program ffmpeg. And frames are centred on the moment that they
    stand for, as in `features.extract`; ddsp's own choice is between frames that begin there,
    whose loudness comes 16 ms early, and one frame more than there are hops.

    Args:
      path: the file.

    Yields:
      {"audio": (16000,), "audio_16k": the same, "f0_hz", "f0_confidence", "loudness_db": (250,)}.
    """
    stages = _stages()
    if crepe.models.get("full") is None:
        # Beam's worker is another process: see `pitch_by` for this one.
        crepe.models["full"] = crepe.load("course")
    sound = audio.load(path)
    example = {"audio": sound, "audio_16k": sound}
    example = stages._add_f0_estimate(example, FRAME_RATE, center=True, viterbi=True)
    example = stages._add_loudness(example, FRAME_RATE, n_fft=512, center=True)
    yield from stages._split_example(
        example, SAMPLE_RATE, FRAME_RATE, EXAMPLE_S, HOP_S, center=False
    )


def phrase_examples(task):
    """Play one phrase and yield its one-second pieces, as ddsp's pipeline does for a recording.

    Args:
      task: (program, lowest, highest, seed, soundfont) for `soundfonts.phrase`.

    Yields:
      {"audio": (16000,), "audio_16k": the same, "f0_hz", "f0_confidence", "loudness_db": (250,)}.
    """
    sound, f0_hz = soundfonts.phrase(*task)
    loudness_db = features.loudness_db(sound)
    f0_confidence = certain(loudness_db)
    size = int(EXAMPLE_S * FRAME_RATE)
    for start in range(0, len(f0_hz) - size + 1, int(HOP_S * FRAME_RATE)):
        frames = slice(start, start + size)
        piece = sound[start * HOP_SIZE : (start + size) * HOP_SIZE]
        yield {
            "audio": piece,
            "audio_16k": piece,
            "f0_hz": f0_hz[frames],
            "f0_confidence": f0_confidence[frames],
            "loudness_db": loudness_db[frames],
        }


def certain(loudness_db):
    """Return the confidence (n_frames,) of a known pitch: 1 wherever something sounds, else 0."""
    return (np.asarray(loudness_db) > -70).astype(np.float32)


def harmonic_shares(sound, f0_hz, f0_confidence):
    """Return two signs of a single voice, each near 1 for one and lower for several.

    Frames without a sure pitch do not count.

    Args:
      sound: (n_samples,) at 16 kHz.
      f0_hz, f0_confidence: (n_frames,) at 250 Hz.

    Returns:
      power: share of the power that lies on the harmonics of the pitch. Two unrelated notes: about
        a half, whichever of them was followed. 0 where there is no sure pitch.
      present: share of the harmonics below 4 kHz, up to the highest strong one, that sound at
        all. A chord can lie on the harmonics of a much lower note (4:5:6), but leaves gaps.
    """
    import librosa

    n_fft = 4096
    hz_per_bin = SAMPLE_RATE / n_fft
    # A frame in five is enough to tell.
    power = np.abs(librosa.stft(sound, n_fft=n_fft, hop_length=5 * HOP_SIZE)) ** 2
    f0_hz, f0_confidence = f0_hz[::5], f0_confidence[::5]
    n_frames = min(power.shape[1], len(f0_hz))
    sure = np.flatnonzero(f0_confidence[:n_frames] > 0.5)
    if len(sure) == 0:
        return 0.0, 0.0
    power, f0_hz = power[1:, sure], f0_hz[sure]
    hz = np.arange(1, n_fft // 2 + 1)[:, None] * hz_per_bin
    harmonic = np.maximum(np.round(hz / f0_hz), 1) * f0_hz
    # The window is two bins wide to each side, and vibrato widens what is high.
    near = np.abs(hz - harmonic) < np.maximum(2.5 * hz_per_bin, 0.03 * np.minimum(hz, f0_hz))
    share = float((power * near).sum() / (power.sum() + 1e-12))
    spread = np.max([np.roll(power, shift, axis=0) for shift in range(-2, 3)], axis=0)
    present = []
    for column, f0 in zip(10 * np.log10(spread.T + 1e-12), f0_hz, strict=True):
        k = np.arange(1, max(2, int(4000 / f0)) + 1)
        level = column[np.minimum(np.round(k * f0 / hz_per_bin).astype(int), n_fft // 2) - 1]
        top = np.flatnonzero(level > level.max() - 30).max() + 1
        present.append((level[:top] > level.max() - 50).mean())
    return share, float(np.mean(present))


def _check(path, model):
    """Return a recording (n_samples,), or say what is wrong with it."""
    try:
        sound = audio.load(path)
    except AudioError as error:
        raise TrainingError(f"{error} Take it out of the folder, or replace it.") from error
    seconds = len(sound) / SAMPLE_RATE
    if seconds < EXAMPLE_S:
        raise TrainingError(
            f"{path} is {seconds:.2f} s long, and at least {EXAMPLE_S:.0f} s are needed: join it "
            "with others, or take it out of the folder."
        )
    if not np.isfinite(sound).all() or np.abs(sound).max() < _PEAK:
        raise TrainingError(f"{path} is silent: take it out of the folder.")
    # Ten seconds from the loudest part are enough to tell.
    middle = int(np.argmax(np.convolve(sound**2, np.ones(1600), "same")[::1600])) * 1600
    start = max(0, min(middle - 5 * SAMPLE_RATE, len(sound) - 10 * SAMPLE_RATE))
    part = sound[start : start + 10 * SAMPLE_RATE]
    f0_hz, confidence = crepe.pitch(part, model)
    share, present = harmonic_shares(part, f0_hz, confidence)
    if share < _ONE_VOICE_POWER or present < _ONE_VOICE_PRESENT:
        raise TrainingError(
            f"{path} is not of one instrument that plays one note at a time (the harmonics of one "
            f"pitch hold {share:.0%} of its power, and {present:.0%} of them sound): take it out "
            "of the folder."
        )
    return sound


def _spread(n, share):
    """Return evenly spread indices of what is held out: none of one, at least one of two."""
    if n < 2 or share <= 0:
        return []
    count = max(1, round(n * min(share, 0.5)))
    return [int((i + 0.5) * n / count) for i in range(count)]


@contextlib.contextmanager
def _whole(dataset):
    """Yield (a folder that becomes `dataset`, a work folder); both go if anything fails."""
    dataset = Path(dataset)
    if dataset.exists():
        raise TrainingError(f"{dataset} exists already: give another name, or remove it.")
    room = None
    try:
        dataset.parent.mkdir(parents=True, exist_ok=True)
        room = Path(tempfile.mkdtemp(dir=dataset.parent, prefix=f".{dataset.name}-"))
        (room / "work").mkdir()
        (room / "dataset").mkdir()
        yield room / "dataset", room / "work"
        (room / "dataset").rename(dataset)
    except Exception as error:
        # Beam and TensorFlow wrap what the system says in errors of their own.
        if isinstance(error, OSError) or "No space left" in str(error):
            full = getattr(error, "errno", None) == errno.ENOSPC or "No space left" in str(error)
            why = "the disk is full" if full else str(error)
            raise TrainingError(
                f"{dataset} could not be written ({why}): free some space, or choose another place."
            ) from error
        raise
    finally:
        if room is not None:
            shutil.rmtree(room, ignore_errors=True)


@contextlib.contextmanager
def pitch_by(model):
    """Let ddsp, which asks for CREPE's `full` weights, have those of a `crepe.Crepe`."""
    before = crepe.models.get("full")
    crepe.models["full"] = model
    try:
        yield
    finally:
        crepe.models["full"] = before


@contextlib.contextmanager
def _quiet_beam():
    """Yield Apache Beam, as it is outside notebooks, with its and others' remarks kept away.

    In a notebook Beam 2.77 imports its interactive parts, which pandas 3 lets fail.
    """
    _tensorflow.load_ddsp()  # it has its own remarks to keep away, and lifts the ban afterwards
    logging.disable(logging.WARNING)  # Beam: that Google's BigQuery client is not there
    import apache_beam as beam
    from apache_beam.utils import interactive_utils

    in_notebook = interactive_utils.is_in_ipython
    interactive_utils.is_in_ipython = lambda: False
    try:
        with warnings.catch_warnings():
            # pydub: that there is no ffmpeg; librosa: the A-weight of 0 Hz
            warnings.simplefilter("ignore", RuntimeWarning)
            yield beam
    finally:
        interactive_utils.is_in_ipython = in_notebook
        logging.disable(logging.NOTSET)


def _run_pipeline(inputs, examples_of, path, options, ticks):
    """Run a Beam pipeline from `inputs` to the files `path`.tfrecord-*, in no certain order."""
    with _quiet_beam() as beam:
        from apache_beam.options.pipeline_options import PipelineOptions
        from tensorflow.train import Example

        with beam.Pipeline(options=PipelineOptions([f"--runner={_RUNNER}", *options])) as pipeline:
            _ = (
                pipeline
                | beam.Create(list(enumerate(inputs)))
                | beam.Reshuffle()
                | beam.FlatMap(functools.partial(_and_tick, examples_of, str(ticks)))
                | "shuffle examples" >> beam.Reshuffle()
                | beam.Map(_to_example)
                | beam.io.tfrecordio.WriteToTFRecord(
                    f"{path}.tfrecord",
                    num_shards=min(4, len(inputs)),
                    coder=beam.coders.ProtoCoder(Example),
                )
            )


def _and_tick(examples_of, ticks, numbered):
    """Yield the examples of an input, then leave an empty file that says so."""
    number, one = numbered
    yield from examples_of(one)
    Path(ticks, str(number)).touch()


@contextlib.contextmanager
def _progress(ticks, total, name, shown):
    """Show how many of `total` files have come to the folder `ticks`, which it makes.

    Beam's runners do not return before they are through, and workers may be anywhere; but what
    they write they write where all see it.
    """
    from tqdm.auto import tqdm

    ticks.mkdir()
    through = threading.Event()
    bar = tqdm(total=total, desc=name, disable=not shown)

    def look():
        ended = False
        while not ended:
            ended = through.wait(0.5)  # and a last look after the end
            bar.update(len(list(ticks.iterdir())) - bar.n)

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        through.set()
        watcher.join()
        bar.close()


def _to_example(arrays):
    return _stages()._float_dict_to_tfexample(arrays)


def _stages():
    """Return the module that holds the stages of ddsp's Beam pipeline.

    All that Beam hands to its workers is this module's, so that they import ddsp_course, which
    finds a CREPE for ddsp, before ddsp.
    """
    _tensorflow.load_ddsp()
    from ddsp.training.data_preparation import prepare_tfrecord_lib

    return prepare_tfrecord_lib
