"""Audio in and out: any recording to mono float32 at 16 kHz, and back to files and players.

Explained in notebooks/02_timbre_transfer/02_recording.ipynb.
"""

import base64
import html
import io
from pathlib import Path

import numpy as np

from ddsp_course import decoding, files
from ddsp_course.errors import AudioError
from ddsp_course.units import SAMPLE_RATE

# -6 dBFS: loud enough, and a limit on whatever a learner's code produces.
PLAY_PEAK = 0.5

_FORMATS = {
    ".wav": ("WAV", "PCM_16"),
    ".flac": ("FLAC", "PCM_16"),
    ".ogg": ("OGG", "VORBIS"),
    ".mp3": ("MP3", "MPEG_LAYER_III"),
}
# Full scale is 1, or 2e9 in 32-bit integers. The square of 1e20 overflows float32.
_LOUDEST = 1e10


def load(source, sample_rate=SAMPLE_RATE):
    """Return any recording as mono float32 at one sample rate.

    Args:
      source: a path; the bytes of an audio file; its base64 text, with or without a leading
        `data:...,`; or an http(s) address. Reads WAV, FLAC, MP3, OGG (Vorbis, Opus), WebM, M4A and
        MP4 at any rate and with any number of channels, which are averaged.
      sample_rate: sample rate of the result in Hz.

    Returns:
      (n_samples,) float32; within -1..1 for files that store integers.

    Raises:
      AudioError: the file or address does not exist, is empty, holds no audio or more than an
        hour of it, or some samples are unusable (NaN, infinite, or beyond 1e10).
    """
    audio, label = decoding.decode(source, sample_rate)
    if len(audio) == 0:
        raise AudioError(f"{label} contains no samples: record or export it again.")
    if not -_LOUDEST <= audio.min() <= audio.max() <= _LOUDEST:  # also false for NaN
        raise AudioError(
            f"{label} contains samples that are NaN, infinite or beyond {_LOUDEST:g}: export it "
            "again from the program that made it."
        )
    return audio


def write(path, audio, sample_rate=SAMPLE_RATE):
    """Write audio to a file, which appears whole or not at all.

    Args:
      path: file name; its suffix (.wav, .flac, .ogg or .mp3) chooses the format.
      audio: (n_samples,), within -1..1. Louder audio is scaled down as a whole, because a file
        would clip its peaks.
      sample_rate: in Hz.

    Raises:
      AudioError: the name, the folder or the samples cannot be used.
    """
    import soundfile

    path = Path(path)
    if path.suffix.lower() not in _FORMATS:
        raise AudioError(f"{path} has no known audio suffix: use one of {', '.join(_FORMATS)}.")
    kind, subtype = _FORMATS[path.suffix.lower()]
    audio = limit_peak(_checked(audio), 1.0)
    try:
        with files.whole_file(path) as part, open(part, "xb") as file:
            soundfile.write(file, audio, sample_rate, format=kind, subtype=subtype)
    except (OSError, soundfile.LibsndfileError) as error:
        raise AudioError(
            f"{path} could not be written ({getattr(error, 'strerror', None) or error}): choose "
            "a different folder, or free some disk space."
        ) from error


def limit_peak(audio, peak=PLAY_PEAK):
    """Scale `audio` down so no sample exceeds `peak`; return quieter audio unchanged."""
    highest = np.abs(audio).max(initial=0.0)
    return audio * (peak / highest) if highest > peak else audio


def play(audio, sample_rate=SAMPLE_RATE, title=None):
    """Show an audio player, in JupyterLab and in Colab.

    The peak is limited to half of full scale to protect the ears. The audio is stored in the
    notebook itself as MP3 (about 0.3 MB a minute), which every browser plays.

    Args:
      audio: (n_samples,).
      sample_rate: in Hz.
      title: text above the player.

    Raises:
      AudioError: the array is empty or has the wrong shape, or a sample is NaN or infinite.
    """
    from IPython.display import display

    display(
        {
            "text/html": player_html(audio, sample_rate, title),
            "text/plain": f"[{title or 'Sound'}: {len(audio) / sample_rate:.1f} s]",
        },
        raw=True,
    )


def player_html(audio, sample_rate=SAMPLE_RATE, title=None, autoplay=False):
    """Return the HTML of a player with its audio embedded; see `play`.

    Args:
      audio, sample_rate, title: as in `play`.
      autoplay: start at once, if the browser allows it.

    Raises:
      AudioError: as in `play`.
    """
    import soundfile

    audio = limit_peak(_checked(audio), PLAY_PEAK)
    file = io.BytesIO()
    soundfile.write(file, audio, sample_rate, format="MP3", subtype="MPEG_LAYER_III")
    text = base64.b64encode(file.getvalue()).decode("ascii")
    label = html.escape(title or "Sound", quote=True)
    # Outside the player, because GitHub strips players and this then remains.
    heading = f"<div>{label} ({len(audio) / sample_rate:.1f} s)</div>"
    return (
        f'{heading}<audio controls{" autoplay" * autoplay} preload="metadata" '
        f'aria-label="{label}" src="data:audio/mpeg;base64,{text}"></audio>'
    )


def link_html(audio, name, sample_rate=SAMPLE_RATE):
    """Return the HTML of a link that saves audio as WAV; the file is embedded in the link.

    Args:
      audio: (n_samples,), within -1..1; see `write`.
      name: file name, ending in .wav.
      sample_rate: in Hz.

    Raises:
      AudioError: as in `play`.
    """
    import soundfile

    file = io.BytesIO()
    soundfile.write(file, limit_peak(_checked(audio), 1.0), sample_rate, "PCM_16", format="WAV")
    text = base64.b64encode(file.getvalue()).decode("ascii")
    name = html.escape(name, quote=True)
    return (
        f'<a style="text-decoration: underline" download="{name}" '
        f'href="data:audio/wav;base64,{text}">Download {name}</a>'
    )


def _checked(audio):
    audio = np.asarray(audio, np.float32)
    if audio.ndim != 1 or len(audio) == 0:
        raise AudioError(
            f"Audio is a single row of samples, but this array has shape {audio.shape}: pass one "
            "of shape (n_samples,)."
        )
    if not np.isfinite(audio).all():
        raise AudioError(
            "The audio contains NaN or infinite samples: check the step that produced it."
        )
    return audio
