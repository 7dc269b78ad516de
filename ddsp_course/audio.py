"""Audio in and out: any recording to a mono float32 array at 16 kHz, and back to files and players.

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

# -6 dBFS: loud enough, and nothing that a learner makes can be louder.
PLAY_PEAK = 0.5

_FORMATS = {
    ".wav": ("WAV", "PCM_16"),
    ".flac": ("FLAC", "PCM_16"),
    ".ogg": ("OGG", "VORBIS"),
    ".mp3": ("MP3", "MPEG_LAYER_III"),
}
# Full scale is 1, and of 32-bit whole numbers 2e9. The square of 1e20 is infinite in float32.
_LOUDEST = 1e10


def load(source, sample_rate=SAMPLE_RATE):
    """Return a recording as mono float32 at one sample rate, whatever it was.

    Args:
      source: path; bytes of a sound file; its base64 text, with or without `data:...,` before
        it; or an http(s) address. WAV, FLAC, MP3, OGG (Vorbis, Opus), WebM, M4A and MP4, any
        rate, any number of channels (their mean is taken).
      sample_rate: of the result, in Hz.

    Returns:
      (n_samples,) float32; within -1..1 for files that store whole numbers.

    Raises:
      AudioError: there is no such file or address, it is empty, it holds no sound or more than
        an hour of it, or some of its samples are no numbers of a sound (NaN, infinite, beyond 1e10).
    """
    audio, label = decoding.decode(source, sample_rate)
    if len(audio) == 0:
        raise AudioError(f"{label} holds no samples: record or export it again.")
    if not -_LOUDEST <= audio.min() <= audio.max() <= _LOUDEST:  # false for NaN, too
        raise AudioError(
            f"{label} holds samples that are not numbers (NaN or infinite) or are beyond "
            f"{_LOUDEST:g}: export it again from the program that made it."
        )
    return audio


def write(path, audio, sample_rate=SAMPLE_RATE):
    """Write a sound; the file appears whole or not at all.

    Args:
      path: ends in .wav, .flac, .ogg or .mp3, which chooses the format.
      audio: (n_samples,), within -1..1. What goes beyond is turned down as a whole, since a
        file would cut its peaks off.
      sample_rate: in Hz.

    Raises:
      AudioError: the name, the folder or the samples cannot be used.
    """
    import soundfile

    path = Path(path)
    if path.suffix.lower() not in _FORMATS:
        raise AudioError(f"{path} should end in {', '.join(_FORMATS)}: give the sound such a name.")
    kind, subtype = _FORMATS[path.suffix.lower()]
    audio = limit_peak(_checked(audio), 1.0)
    try:
        with files.whole_file(path) as part, open(part, "xb") as file:
            soundfile.write(file, audio, sample_rate, format=kind, subtype=subtype)
    except (OSError, soundfile.LibsndfileError) as error:
        raise AudioError(
            f"{path} could not be written ({getattr(error, 'strerror', None) or error}): choose "
            "another place, or free some disk space."
        ) from error


def limit_peak(audio, peak=PLAY_PEAK):
    """Return `audio` turned down as a whole so that no sample is beyond `peak`; else unchanged."""
    highest = np.abs(audio).max(initial=0.0)
    return audio * (peak / highest) if highest > peak else audio


def play(audio, sample_rate=SAMPLE_RATE, title=None):
    """Show a player for a sound, in JupyterLab and in Colab.

    The peak is limited to half of full scale, so that nothing hurts. The sound lies in the
    notebook itself, as MP3 (about 0.3 MB a minute), which every browser plays.

    Args:
      audio: (n_samples,).
      sample_rate: in Hz.
      title: text above the player.

    Raises:
      AudioError: there are no samples, or some are not numbers.
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
    """Return the HTML of a player that holds its sound; see `play`.

    Args:
      audio, sample_rate, title: as in `play`.
      autoplay: play at once, where the browser lets it.

    Raises:
      AudioError: there are no samples, or some are not numbers.
    """
    import soundfile

    audio = limit_peak(_checked(audio), PLAY_PEAK)
    file = io.BytesIO()
    soundfile.write(file, audio, sample_rate, format="MP3", subtype="MPEG_LAYER_III")
    text = base64.b64encode(file.getvalue()).decode("ascii")
    label = html.escape(title or "Sound", quote=True)
    # Outside the player, so that it remains where players are taken out, as on GitHub.
    heading = f"<div>{label} ({len(audio) / sample_rate:.1f} s)</div>"
    return (
        f'{heading}<audio controls{" autoplay" * autoplay} preload="metadata" '
        f'aria-label="{label}" src="data:audio/mpeg;base64,{text}"></audio>'
    )


def link_html(audio, name, sample_rate=SAMPLE_RATE):
    """Return the HTML of a link that saves a sound as WAV, which lies in the link itself.

    Args:
      audio: (n_samples,), within -1..1; see `write`.
      name: of the file, ending in .wav.
      sample_rate: in Hz.

    Raises:
      AudioError: there are no samples, or some are not numbers.
    """
    import soundfile

    file = io.BytesIO()
    soundfile.write(file, limit_peak(_checked(audio), 1.0), sample_rate, "PCM_16", format="WAV")
    text = base64.b64encode(file.getvalue()).decode("ascii")
    name = html.escape(name, quote=True)
    return f'<a style="text-decoration: underline" download="{name}" href="data:audio/wav;base64,{text}">Download {name}</a>'


def _checked(audio):
    audio = np.asarray(audio, np.float32)
    if audio.ndim != 1 or len(audio) == 0:
        raise AudioError(
            f"A sound is one row of samples, and this has the shape {audio.shape}: give an array "
            "of shape (n_samples,)."
        )
    if not np.isfinite(audio).all():
        raise AudioError(
            "The sound holds samples that are not numbers (NaN or infinite): look at the step "
            "that made it."
        )
    return audio
