"""From recordings, or from a soundfont, to a dataset: TFRecord files of one-second pieces.

Recordings go through ddsp's own Apache Beam pipeline (`ddsp_prepare_tfrecord`), which finds
their pitch by CREPE. A soundfont's phrases go through one of the same shape that knows their
pitch. Both run on Beam's direct runner, or on any other with that runner's options.
Explained in notebooks/03_train_your_own/00_train.ipynb.
"""

import contextlib
import errno
import shutil
import tempfile
import warnings
from pathlib import Path

import numpy as np

from ddsp_course import _tensorflow, audio, crepe, features
from ddsp_course.errors import AudioError, TrainingError
from ddsp_course.features import FRAME_RATE, HOP_SIZE, SAMPLE_RATE
from ddsp_course.training import soundfonts

SUFFIXES = (".wav", ".flac", ".mp3", ".ogg", ".opus", ".aif", ".aiff", ".m4a", ".webm", ".aac")
# A piece must be as long as solo_instrument.gin says.
EXAMPLE_S = 1.0
HOP_S = 0.5
# ddsp cuts recordings into chunks before anything else, and drops what fills no example.
_CHUNK_S = 20.0
_ENOUGH_S = 10.0
_PEAK = 1e-3
# A chord's power lies half beside the harmonics of any one pitch; a single note's hardly.
_ONE_VOICE = 0.7


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
    from tqdm import tqdm

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
            # In the shape that pydub, with which ddsp reads, takes without ffmpeg; and in chunks,
            # so that what is held out is never a neighbour of what is learned in the same second.
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
        with _pitch_by(model):
            prepare = _ddsp_pipeline()
            for name, group in groups.items():
                if group:
                    prepare(
                        [str(p) for p in group],
                        str(room / f"{name}.tfrecord"),
                        num_shards=min(4, len(group)),
                        frame_rate=FRAME_RATE,
                        example_secs=EXAMPLE_S,
                        hop_secs=HOP_S,
                        chunk_secs=0,
                        pipeline_options=list(beam_options),
                    )
    return Path(dataset)


def prepare_program(program, lowest, highest, dataset, soundfont=("fluidr3",), n_phrases=60,
                    n_held_out=6, beam_options=()):  # fmt: skip
    """Turn an instrument of a soundfont into a dataset whose pitch is known exactly.

    Args:
      program: General MIDI program, 0 to 127.
      lowest, highest: the instrument's range, MIDI pitches.
      dataset: folder to write; it appears whole or not at all.
      soundfont: tuple of what `soundfonts.find` takes; phrases are shared out among them.
      n_phrases, n_held_out: phrases of 10 s to learn from, and for evaluation.
      beam_options: options of the Apache Beam runner.

    Returns:
      `dataset` as a Path.

    Raises:
      TrainingError: FluidSynth or a soundfont is missing, or the disk is full.
    """
    for name in soundfont:
        soundfonts.find(name)
    beam, options = _beam(beam_options)
    from tensorflow.train import Example

    with _whole(dataset) as (room, _):
        # Seeds far apart: no phrase is both learned and held out.
        for name, seeds in (
            ("train", range(n_phrases)),
            ("held_out", range(9000, 9000 + n_held_out)),
        ):
            tasks = [(program, lowest, highest, s, soundfont[s % len(soundfont)]) for s in seeds]
            with beam.Pipeline(options=options) as pipeline:
                _ = (
                    pipeline
                    | beam.Create(tasks)
                    | beam.Reshuffle()
                    | beam.FlatMap(phrase_examples)
                    | "shuffle examples" >> beam.Reshuffle()
                    | beam.Map(to_example)
                    | beam.io.tfrecordio.WriteToTFRecord(
                        str(room / f"{name}.tfrecord"),
                        num_shards=4,
                        coder=beam.coders.ProtoCoder(Example),
                    )
                )
    return Path(dataset)


def phrase_examples(task):
    """Play one phrase and yield its one-second pieces, as ddsp's pipeline does for a recording.

    Args:
      task: (program, lowest, highest, seed, soundfont) for `soundfonts.phrase`.

    Yields:
      {"audio": (16000,), "audio_16k": the same, "f0_hz", "f0_confidence", "loudness_db": (250,)}.
    """
    sound, f0_hz = soundfonts.phrase(*task)
    loudness_db = features.loudness_db(sound)
    # Known pitch: certain wherever something sounds.
    f0_confidence = (loudness_db > -70).astype(np.float32)
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


def to_example(arrays):
    """Return a dictionary of float arrays as `tf.train.Example`."""
    tf = _tensorflow.load()
    return tf.train.Example(
        features=tf.train.Features(
            feature={
                name: tf.train.Feature(float_list=tf.train.FloatList(value=values))
                for name, values in arrays.items()
            }
        )
    )


def harmonic_share(sound, f0_hz, f0_confidence):
    """Return the share of a sound's power that lies on the harmonics of its pitch, 0 to 1.

    Near 1 for one voice; about a half for two and more, whatever pitch was found. Frames
    without a sure pitch do not count.

    Args:
      sound: (n_samples,) at 16 kHz.
      f0_hz, f0_confidence: (n_frames,) at 250 Hz.
    """
    import librosa

    n_fft = 2048
    power = np.abs(librosa.stft(sound, n_fft=n_fft, hop_length=HOP_SIZE))[:, : len(f0_hz)] ** 2
    sure = np.flatnonzero(f0_confidence[: power.shape[1]] > 0.5)
    if len(sure) == 0:
        return 0.0
    # Distance of each bin to the nearest harmonic: two bins of the window's width, or 3 %.
    hz = np.arange(1, n_fft // 2 + 1)[:, None] * SAMPLE_RATE / n_fft
    f0 = f0_hz[sure]
    nearest = np.maximum(np.round(hz / f0), 1) * f0
    near = np.abs(hz - nearest) < np.maximum(2 * SAMPLE_RATE / n_fft, 0.03 * np.minimum(hz, f0))
    power = power[1:, sure]
    return float((power * near).sum() / (power.sum() + 1e-12))


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
    f0_hz, confidence = crepe.to_f0(crepe.activation(part, model), viterbi=True)
    share = harmonic_share(part, f0_hz, confidence)
    if share < _ONE_VOICE:
        raise TrainingError(
            f"{path} is not of one instrument that plays one note at a time (of its power "
            f"{share:.0%} lies on the harmonics of one pitch): take it out of the folder."
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
def _pitch_by(model):
    """Let ddsp's pipeline, which asks for CREPE's `full` weights, have these."""
    before = crepe.models.get("full")
    crepe.models["full"] = model
    try:
        yield
    finally:
        crepe.models["full"] = before


def _beam(options):
    """Return (apache_beam, PipelineOptions)."""
    _tensorflow.load_ddsp()
    import apache_beam as beam
    from apache_beam.options.pipeline_options import PipelineOptions

    return beam, PipelineOptions(list(options))


def _ddsp_pipeline():
    _tensorflow.load_ddsp()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydub: that there is no ffmpeg, which WAV needs not
        from ddsp.training.data_preparation.prepare_tfrecord_lib import prepare_tfrecord
    return prepare_tfrecord
