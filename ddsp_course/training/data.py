"""From recordings, or from a soundfont, to a dataset: TFRecord files of one-second examples.

Recordings go through the stages of ddsp's own Apache Beam pipeline (`ddsp_prepare_tfrecord`),
which find their pitch by CREPE; the pitch of a soundfont's phrases is known. `beam` runs both.
Explained in notebooks/03_train_your_own/00_train.ipynb.
"""

import contextlib
import errno
import logging
import shutil
import tempfile
from pathlib import Path

import numpy as np

from ddsp_course import _tensorflow, audio, crepe, crepe_package, features, files, listening
from ddsp_course.errors import AudioError, TrainingError, one_line
from ddsp_course.training import beam, soundfonts
from ddsp_course.units import FRAME_RATE, HOP_SIZE, SAMPLE_RATE

SUFFIXES = (
    ".wav", ".flac", ".mp3", ".ogg", ".oga", ".opus", ".aif", ".aiff", ".aifc", ".au", ".caf", ".m4a",
    ".mp4", ".mov", ".webm", ".mka", ".aac", ".amr", ".3gp", ".wma",
)  # fmt: skip
# Phrases of a soundfont from this seed on are never learned from.
HELD_OUT_SEED = 9000
_LOG = logging.getLogger(__name__)
# A piece must be as long as solo_instrument.gin says.
EXAMPLE_S = 1.0
HOP_S = 0.5
# ddsp cuts recordings into chunks before anything else, and drops what fills no example.
_CHUNK_S = 20.0
_ENOUGH_S = 10.0
_FULL_BYTES = 1 << 20  # what a disk has left on which a write failed
# Of the notes of the loudest ten seconds. See `listening.several_notes`: chords have 0.57 and more.
_CHORDS = 0.5


def find_recordings(folder):
    """Return the sorted paths of all sound files in a folder and those below it.

    Raises:
      TrainingError: there is none.
    """
    folder = files.user_path(folder)
    found = []
    for path in folder.rglob("*"):
        parts = path.relative_to(folder).parts
        # macOS puts `._take.wav` beside take.wav, and Jupyter a copy in .ipynb_checkpoints.
        is_leftover = any(part.startswith(".") or part == "__MACOSX" for part in parts)
        if path.suffix.lower() in SUFFIXES and path.is_file() and not is_leftover:
            found.append(path)
    if not found:
        raise TrainingError(
            f"There is no sound file in {folder}: give a folder with recordings "
            f"({', '.join(SUFFIXES)})."
        )
    return sorted(found)


def held_out_chunks(recordings, share=0.1):
    """Return the chunks that `prepare_recordings` keeps for evaluation, whole and in order.

    Args:
      recordings: (n_samples,) each, in the order of `find_recordings`.
      share: `held_out` of `prepare_recordings`.

    Returns:
      list of (n_samples,), up to 20 s each.

    Raises:
      TrainingError: nothing is held out.
    """
    chunks = [chunk for recording in recordings for chunk in _chunks(recording)]
    held_out = [chunks[i] for i in _held_out_indices(len(chunks), share)]
    if not held_out:
        raise TrainingError(
            f"The recordings are too few to hold one out: add another, or one longer than "
            f"{_CHUNK_S:.0f} s."
        )
    return held_out


def prepare_recordings(
    folder, dataset, held_out=0.1, beam_options=(), progress=False, skip_bad=False
):
    """Turn a folder of recordings into a dataset.

    The recordings are checked first: all of them, and before anything is computed from them. What
    is wrong with one that can be used (`listening.findings`) is told at the end, a warning for each.

    Args:
      folder: where the recordings lie (and in folders below), one instrument, one note at a time.
        Hidden files, and what macOS and Jupyter leave in folders, are passed over.
      dataset: folder to write; it appears whole or not at all. `train*` and `held_out*` lie in it.
      held_out: share of the recordings, 0 to 0.5, that is kept for evaluation.
      beam_options: options of the Apache Beam runner, such as ["--runner=FlinkRunner", ...].
      progress: show a progress bar.
      skip_bad: leave out recordings that cannot be used, with a warning for each.

    Returns:
      `dataset` as a Path.

    Raises:
      TrainingError: there are no recordings, some of them (all are named) are too short, silent,
        unreadable or not of one voice, there are fewer than 10 s in all, or the disk is full.
    """
    from tqdm.auto import tqdm

    paths = find_recordings(folder)
    model = crepe.load("course")
    with _new_dataset(dataset) as (part, work):
        chunks, seconds, bad, remarks = [], 0.0, [], {}
        for path in tqdm(paths, desc="recordings", unit="file", disable=not progress):
            try:
                recording, remarks[path] = _check(path, model)
            except TrainingError as error:
                bad.append(error)
                continue
            seconds += len(recording) / SAMPLE_RATE
            for chunk in _chunks(recording):
                chunks.append(work / f"{len(chunks):05d}.wav")
                audio.write(chunks[-1], chunk)
        if skip_bad:
            for error in bad:
                _LOG.warning("Left out: %s", error)
        elif bad:
            raise _all_in_one(bad, len(paths))
        if seconds < _ENOUGH_S:
            raise TrainingError(
                f"The recordings in {folder} are {seconds:.1f} s long in all, and at least "
                f"{_ENOUGH_S:.0f} s are needed (ten minutes are better): add some."
            )
        held_out_chunks = {chunks[i] for i in _held_out_indices(len(chunks), held_out)}
        groups = {
            "train": [str(one) for one in chunks if one not in held_out_chunks],
            "held_out": [str(one) for one in chunks if one in held_out_chunks],
        }
        with crepe_package.using(model):
            for name, group in groups.items():
                if group:
                    beam.run(group, recording_examples, part / name, beam_options,
                             work / name, f"{name}: chunks", progress)  # fmt: skip
    for path, sentences in remarks.items():
        for sentence in sentences:
            _LOG.warning("%s: %s.", path, sentence)
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
    with _new_dataset(dataset) as (part, work):
        # No phrase is both learned and held out.
        for name, seeds in (
            ("train", range(n_phrases)),
            ("held_out", range(HELD_OUT_SEED, HELD_OUT_SEED + n_held_out)),
        ):
            tasks = [(program, lowest, highest, s, soundfont[s % len(soundfont)]) for s in seeds]
            beam.run(tasks, phrase_examples, part / name, beam_options,
                     work / name, f"{name}: phrases", progress)  # fmt: skip
    return Path(dataset)


def recording_examples(path):
    """Read a recording and yield its one-second examples, by the stages of ddsp's Beam pipeline.

    As in ddsp's `prepare_tfrecord`, but for two things. It reads by `audio.load`: pydub, with
    which ddsp does, needs the program ffmpeg. And frames are centred on the moment that they
    stand for, as in `features.extract`; ddsp's own choice is between frames that begin there,
    whose loudness comes 16 ms early, and one frame more than there are hops.

    Args:
      path: the file.

    Yields:
      {"audio": (16000,), "audio_16k": the same, "f0_hz", "f0_confidence", "loudness_db": (250,)}.
    """
    stages = beam.stages()
    # Here, and not only around the pipeline, since Beam's worker may be another process.
    model = crepe_package.models.get("full") or crepe.load("course")
    recording = audio.load(path)
    example = {"audio": recording, "audio_16k": recording}
    with crepe_package.using(model):
        example = stages._add_f0_estimate(example, FRAME_RATE, center=True, viterbi=True)
    example = stages._add_loudness(example, FRAME_RATE, n_fft=512, center=True)
    yield from stages._split_example(
        example, SAMPLE_RATE, FRAME_RATE, EXAMPLE_S, HOP_S, center=False
    )


def phrase_examples(task):
    """Play one phrase and yield its one-second examples, as ddsp's pipeline does for a recording.

    Args:
      task: (program, lowest, highest, seed, soundfont) for `soundfonts.phrase`.

    Yields:
      {"audio": (16000,), "audio_16k": the same, "f0_hz", "f0_confidence", "loudness_db": (250,)}.
    """
    sound, f0_hz = soundfonts.phrase(*task)
    loudness_db = features.loudness_db(sound)
    f0_confidence = confidence_of_known_pitch(loudness_db)
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


def confidence_of_known_pitch(loudness_db):
    """Return the confidence (n_frames,) of a known pitch: 1 wherever something sounds, else 0."""
    return (np.asarray(loudness_db) > -70).astype(np.float32)


def _all_in_one(errors, n_recordings):
    """Return one error of several recordings, of `n_recordings` in all."""
    if len(errors) == 1:
        return errors[0]
    lines = "".join(f"\n- {error}" for error in errors)
    return TrainingError(
        f"{len(errors)} of {n_recordings} recordings cannot be used; take them out, or leave them "
        f"out with --skip-bad (skip_bad=True):{lines}"
    )


def _check(path, model):
    """Return a recording (n_samples,) and remarks on it, or say why it cannot be used."""
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
    sound, peak, raised_db = features.raise_quiet(sound)
    if peak < features.SILENT_PEAK:
        raise TrainingError(f"{path} is silent: take it out of the folder.")
    f0_hz, confidence = crepe.pitch(sound, model)
    found = listening.findings(sound, f0_hz, confidence, _clipped(path))
    _check_voices(path, sound, f0_hz, confidence, found)
    remarks = [str(one) for one in found]
    if raised_db:
        remarks.insert(0, f"very quiet: raised by {raised_db:.0f} dB, and its noise with it")
    return sound, remarks


def _check_voices(path, sound, f0_hz, confidence, found):
    """Raise a TrainingError if a recording has no pitch, or is of chords.

    Ten seconds from the loudest part are enough to tell.
    """
    loudest = int(np.argmax(np.convolve(sound**2, np.ones(1600), "same")[::1600])) * 1600
    start = max(0, min(loudest - 5 * SAMPLE_RATE, len(sound) - 10 * SAMPLE_RATE)) // HOP_SIZE
    part = sound[start * HOP_SIZE :][: 10 * SAMPLE_RATE]
    curves = [curve[start : start + -(-len(part) // HOP_SIZE)] for curve in (f0_hz, confidence)]
    if not features.has_pitch(features.loudness_db(part), curves[1]):
        why = "it has no pitch"
    else:
        share = listening.share_of_several(*listening.several_notes(part, *curves))
        start_s, end_s = start / FRAME_RATE, start / FRAME_RATE + 10
        # An echo and a hum are notes beside the note, too, and no reason to refuse a recording.
        if share <= _CHORDS or any(
            one.what in ("echo", "hum") and one.start_s < end_s and one.end_s > start_s
            for one in found
        ):
            return
        why = f"several sound at once in {share:.0%} of its notes"
    raise TrainingError(
        f"{path} is not of one instrument that plays one note at a time ({why}, where it is "
        "loudest): take it out of the folder."
    )


def _clipped(path):
    """Return the share of clipped samples of each ten seconds, or None for what is compressed."""
    import soundfile

    shares = []
    try:
        with _tensorflow.without_remarks(), soundfile.SoundFile(path) as file:
            n_frames = listening.SECTION_S * file.samplerate
            while len(block := file.read(n_frames, dtype="float32", always_2d=True)):
                shares.append(max(map(listening.clipped_share, block.T)))
    except soundfile.LibsndfileError:
        return None
    return shares


def _held_out_indices(n, share):
    """Return evenly spread indices of what is held out: none of one, at least one of two."""
    if n < 2 or share <= 0:
        return []
    count = max(1, round(n * min(share, 0.5)))
    return [int((i + 0.5) * n / count) for i in range(count)]


def _chunks(recording):
    """Yield chunks of up to 20 s, so that no second that is held out overlaps with one learned."""
    size = int(_CHUNK_S * SAMPLE_RATE)
    for start in range(0, len(recording), size):
        chunk = recording[start : start + size]
        if len(chunk) >= EXAMPLE_S * SAMPLE_RATE:
            yield chunk


@contextlib.contextmanager
def _new_dataset(dataset):
    """Yield (a folder that becomes `dataset`, a work folder); both go if anything fails."""
    dataset = Path(dataset)
    if dataset.exists():
        raise TrainingError(f"{dataset} exists already: give another name, or remove it.")
    try:
        with (
            files.whole_folder(dataset) as part,
            tempfile.TemporaryDirectory(dir=dataset.parent, prefix=".part-") as work,
        ):
            try:
                yield part, Path(work)
            except Exception as error:
                # Beam and TensorFlow wrap what the system says in errors of their own; before
                # anything is cleared away, the disk itself tells.
                if _is_full(dataset.parent):
                    raise OSError(errno.ENOSPC, "the disk is full") from error
                raise
    except OSError as error:
        why = "the disk is full" if error.errno == errno.ENOSPC else one_line(error)
        raise TrainingError(
            f"{dataset} could not be written ({why}): free some space, or choose another place."
        ) from error


def _is_full(folder):
    return shutil.disk_usage(folder).free < _FULL_BYTES
