"""Turn recordings or a soundfont into a dataset: TFRecord files of one-second examples.

Recordings go through the stages of ddsp's own Apache Beam pipeline (`ddsp_prepare_tfrecord`), which
estimates pitch with CREPE. The pitch of a soundfont's phrases is known. `beam` runs both.
Explained in notebooks/03_train_your_own/00_train.ipynb.
"""

import contextlib
import errno
import functools
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
# Soundfont phrases with this seed or a higher one are never trained on.
HELD_OUT_SEED = 9000
_LOG = logging.getLogger(__name__)
# Must match solo_instrument.gin.
EXAMPLE_S = 1.0
OVERLAP = 0.5  # of an example with the next
# ddsp first cuts recordings into chunks, and drops a remainder that is shorter than an example.
_CHUNK_S = 20.0
_ENOUGH_S = 10.0
_FULL_BYTES = 1 << 20  # if less is free after a failed write, the disk is full
# Share of the notes in the loudest ten seconds. Chords have at least 0.57; see
# `listening.several_notes`.
_CHORDS = 0.5


def find_recordings(folder):
    """Return the sorted paths of all audio files in a folder and its subfolders.

    Raises:
      TrainingError: there are none.
    """
    folder = files.user_path(folder)
    found = []
    for path in folder.rglob("*"):
        parts = path.relative_to(folder).parts
        # macOS puts `._take.wav` beside take.wav, and Jupyter puts copies in .ipynb_checkpoints.
        is_leftover = any(part.startswith(".") or part == "__MACOSX" for part in parts)
        if path.suffix.lower() in SUFFIXES and path.is_file() and not is_leftover:
            found.append(path)
    if not found:
        raise TrainingError(
            f"There is no audio file in {folder}: give a folder of recordings "
            f"({', '.join(SUFFIXES)})."
        )
    return sorted(found)


def held_out_chunks(recordings, share=0.1):
    """Return the chunks that `prepare_recordings` holds out for evaluation, whole and in order.

    Args:
      recordings: (n_samples,) each, in the order of `find_recordings`.
      share: as `held_out` of `prepare_recordings`.

    Returns:
      list of (n_samples,), up to 20 s each.

    Raises:
      TrainingError: there is too little audio to hold any out.
    """
    chunks = [chunk for recording in recordings for chunk in _chunks(recording)]
    held_out = [chunks[i] for i in _held_out_indices(len(chunks), share)]
    if not held_out:
        raise TrainingError(
            f"There is too little audio to hold any out: add another recording, or use one longer "
            f"than {_CHUNK_S:.0f} s."
        )
    return held_out


def prepare_recordings(
    folder, dataset, held_out=0.1, beam_options=(), progress=False, skip_bad=False,
    example_s=EXAMPLE_S,
):  # fmt: skip
    """Turn a folder of recordings into a dataset.

    All recordings are checked before the dataset is computed. Faults in usable recordings
    (`listening.findings`) are logged at the end, one warning per fault.

    Args:
      folder: folder of recordings of one instrument that plays one note at a time; subfolders are
        included. Hidden files, and those that macOS and Jupyter leave in folders, are skipped.
      dataset: folder to write `train*` and `held_out*` to; it appears whole or not at all.
      held_out: share of the recordings, 0 to 0.5, to hold out for evaluation.
      beam_options: options of the Apache Beam runner, such as ["--runner=FlinkRunner", ...].
      progress: show a progress bar.
      skip_bad: skip unusable recordings, with a warning for each.
      example_s: seconds of an example. One second is quickest to train with. A model that learns a
        room as well needs several, because the room of what came before an example is missing
        in it.

    Returns:
      `dataset` as a Path.

    Raises:
      TrainingError: there are no recordings; some (all are named) are too short, silent, unreadable
        or have several notes at once; they last less than 10 s in all; or the disk is full.
    """
    from tqdm.auto import tqdm

    paths = find_recordings(folder)
    model = crepe.load("course")
    with _new_dataset(dataset) as (part, work):
        chunks, seconds, bad, remarks = [], 0.0, [], {}
        for path in tqdm(paths, desc="recordings", unit="file", disable=not progress):
            try:
                recording, remarks[path] = _check(path, model, example_s)
            except TrainingError as error:
                bad.append(error)
                continue
            seconds += len(recording) / SAMPLE_RATE
            for chunk in _chunks(recording, example_s):
                chunks.append(work / f"{len(chunks):05d}.wav")
                audio.write(chunks[-1], chunk)
        if skip_bad:
            for error in bad:
                _LOG.warning("Skipped: %s", error)
        elif bad:
            raise _all_in_one(bad, len(paths))
        if seconds < _ENOUGH_S:
            raise TrainingError(
                f"The recordings in {folder} last {seconds:.1f} s in all, but training needs at "
                f"least {_ENOUGH_S:.0f} s (better ten minutes): add more."
            )
        held_out_chunks = {chunks[i] for i in _held_out_indices(len(chunks), held_out)}
        groups = {
            "train": [str(one) for one in chunks if one not in held_out_chunks],
            "held_out": [str(one) for one in chunks if one in held_out_chunks],
        }
        with crepe_package.using(model):
            for name, group in groups.items():
                if group:
                    beam.run(group, functools.partial(recording_examples, example_s=example_s),
                             part / name, beam_options, work / name, f"{name}: chunks",
                             progress)  # fmt: skip
    for path, sentences in remarks.items():
        for sentence in sentences:
            _LOG.warning("%s: %s.", path, sentence)
    return Path(dataset)


def prepare_program(program, lowest, highest, dataset, soundfont=("fluidr3",), n_phrases=60,
                    n_held_out=6, rooms=0.0, beam_options=(), progress=False):  # fmt: skip
    """Turn an instrument of a soundfont into a dataset with exactly known pitch.

    Args:
      program: General MIDI program, 0 to 127.
      lowest, highest: range of the instrument in MIDI pitches.
      dataset: folder to write; it appears whole or not at all.
      soundfont: tuple of arguments for `soundfonts.find`; the phrases are divided among them.
      n_phrases, n_held_out: numbers of 10 s phrases for training and for evaluation.
      rooms: share of the phrases for training that a microphone in a room hears, 0 to 1; see
        `soundfonts.in_a_room`.
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
        # No phrase is in both parts.
        for name, seeds, share in (
            ("train", range(n_phrases), rooms),
            ("held_out", range(HELD_OUT_SEED, HELD_OUT_SEED + n_held_out), 0),
        ):
            tasks = []
            for s in seeds:
                # The soundfonts take turns; each is as often in a room as the others.
                turn, which = divmod(s, len(soundfont))
                in_a_room = int((turn + 1) * share) > int(turn * share)
                tasks.append((program, lowest, highest, s, soundfont[which], in_a_room))
            beam.run(tasks, phrase_examples, part / name, beam_options,
                     work / name, f"{name}: phrases", progress)  # fmt: skip
    return Path(dataset)


def recording_examples(path, example_s=EXAMPLE_S):
    """Read a recording and yield its examples, with the stages of ddsp's Beam pipeline.

    This differs from ddsp's `prepare_tfrecord` in two ways. It reads files with `audio.load`,
    because ddsp's pydub needs the program ffmpeg. And frames are centred on their time stamps, as
    in `features.extract`; ddsp offers only frames that start there, whose loudness is 16 ms early,
    or one frame more than there are hops.

    Args:
      path: path of the recording.
      example_s: seconds of an example; the next one begins half as many later.

    Yields:
      {"audio": (n_samples,), "audio_16k": the same, "f0_hz", "f0_confidence", "loudness_db":
      (n_frames,)}, for one second (16000,) and (250,).
    """
    stages = beam.stages()
    # Needed here, and not only around the pipeline, because a Beam worker may be another process.
    model = crepe_package.models.get("full") or crepe.load("course")
    recording = audio.load(path)
    example = {"audio": recording, "audio_16k": recording}
    with crepe_package.using(model):
        example = stages._add_f0_estimate(example, FRAME_RATE, center=True, viterbi=True)
    example = stages._add_loudness(example, FRAME_RATE, n_fft=512, center=True)
    yield from stages._split_example(
        example, SAMPLE_RATE, FRAME_RATE, example_s, OVERLAP * example_s, center=False
    )


def phrase_examples(task):
    """Play one phrase and yield its one-second examples, like `recording_examples`.

    Args:
      task: (program, lowest, highest, seed, soundfont) for `soundfonts.phrase`, and whether the
        phrase is heard in a room.

    Yields:
      {"audio": (16000,), "audio_16k": the same, "f0_hz", "f0_confidence", "loudness_db": (250,)}.
    """
    *score, in_a_room = task
    sound, f0_hz = soundfonts.phrase(*score)
    # The room's echo and noise are loud enough to pass for notes.
    f0_confidence = confidence_of_known_pitch(features.loudness_db(sound))
    if in_a_room:
        sound = soundfonts.in_a_room(sound, seed=score[3])
    loudness_db = features.loudness_db(sound)
    size = int(EXAMPLE_S * FRAME_RATE)
    for start in range(0, len(f0_hz) - size + 1, int(OVERLAP * size)):
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
    """Return the confidence (n_frames,) of a known pitch: 1 above -70 dB, else 0."""
    return (np.asarray(loudness_db) > -70).astype(np.float32)


def _all_in_one(errors, n_recordings):
    """Merge the errors of several recordings, out of `n_recordings`, into one."""
    if len(errors) == 1:
        return errors[0]
    lines = "".join(f"\n- {error}" for error in errors)
    return TrainingError(
        f"{len(errors)} of {n_recordings} recordings cannot be used; remove them, or skip them "
        f"with --skip-bad (skip_bad=True):{lines}"
    )


def _check(path, model, example_s):
    """Return a recording (n_samples,) and remarks on it, or raise TrainingError."""
    try:
        sound = audio.load(path)
    except AudioError as error:
        raise TrainingError(f"{error} Remove it from the folder, or replace it.") from error
    seconds = len(sound) / SAMPLE_RATE
    if seconds < example_s:
        raise TrainingError(
            f"{path} lasts {seconds:.2f} s, but must last at least {example_s:.0f} s: join it to "
            "another recording, or remove it from the folder."
        )
    sound, peak, raised_db = features.raise_quiet(sound)
    if peak < features.SILENT_PEAK:
        raise TrainingError(f"{path} is silent: remove it from the folder.")
    f0_hz, confidence = crepe.pitch(sound, model)
    found = listening.findings(sound, f0_hz, confidence, _clipped(path))
    _check_voices(path, sound, f0_hz, confidence, found)
    remarks = [str(one) for one in found]
    if raised_db:
        remarks.insert(0, f"very quiet: raised by {raised_db:.0f} dB together with its noise")
    return sound, remarks


def _check_voices(path, sound, f0_hz, confidence, found):
    """Raise TrainingError if a recording has no pitch or consists of chords.

    Ten seconds around the loudest moment are enough to tell.
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
        # Echo and hum also look like several notes, but are no reason to refuse a recording.
        if share <= _CHORDS or any(
            one.what in ("echo", "hum") and one.start_s < end_s and one.end_s > start_s
            for one in found
        ):
            return
        why = f"{share:.0%} of its notes are chords"
    raise TrainingError(
        f"{path} is not one instrument playing one note at a time ({why} where it is loudest): "
        "remove it from the folder."
    )


def _clipped(path):
    """Return the share of clipped samples in each ten seconds, or None for a compressed file."""
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
    """Return evenly spread indices to hold out: none of one, at least one of two or more."""
    if n < 2 or share <= 0:
        return []
    count = max(1, round(n * min(share, 0.5)))
    return [int((i + 0.5) * n / count) for i in range(count)]


def _chunks(recording, example_s=EXAMPLE_S):
    """Yield chunks of up to 20 s, so held-out examples never overlap with training examples."""
    size = int(_CHUNK_S * SAMPLE_RATE)
    for start in range(0, len(recording), size):
        chunk = recording[start : start + size]
        if len(chunk) >= example_s * SAMPLE_RATE:
            yield chunk


@contextlib.contextmanager
def _new_dataset(dataset):
    """Yield (a folder that becomes `dataset`, a work folder); both are removed on failure."""
    dataset = Path(dataset)
    if dataset.exists():
        raise TrainingError(f"{dataset} already exists: choose another name, or remove it.")
    try:
        with (
            files.whole_folder(dataset) as part,
            tempfile.TemporaryDirectory(dir=dataset.parent, prefix=".part-") as work,
        ):
            try:
                yield part, Path(work)
            except Exception as error:
                # Beam and TensorFlow wrap system errors in their own, so check the disk itself
                # before the files are removed.
                if _is_full(dataset.parent):
                    raise OSError(errno.ENOSPC, "the disk is full") from error
                raise
    except OSError as error:
        why = "the disk is full" if error.errno == errno.ENOSPC else one_line(error)
        raise TrainingError(
            f"{dataset} could not be written ({why}): free some space, or choose a different "
            "folder."
        ) from error


def _is_full(folder):
    return shutil.disk_usage(folder).free < _FULL_BYTES
