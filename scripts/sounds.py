"""Sound for training that the project makes itself: notes played by FluidSynth, with known pitch.

Needs Debian's `fluidsynth` and `fluid-soundfont-gm` (the FluidR3 soundfont, MIT licence).
"""

import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pretty_midi
import soundfile
import soxr

SAMPLE_RATE = 16000
SOUNDFONT = Path("/usr/share/sounds/sf2/FluidR3_GM.sf2")
# The wheel's range is set to +-12 semitones, so that slides and vibrato fit in it.
BEND_RANGE = 12
_RENDER_RATE = 48000


def require_fluidsynth():
    """End with one sentence unless FluidSynth and the soundfont are there."""
    if shutil.which("fluidsynth") is None or not SOUNDFONT.exists():
        raise SystemExit(
            f"FluidSynth or {SOUNDFONT} is missing: on Debian or Ubuntu run "
            "`apt-get install fluidsynth fluid-soundfont-gm`."
        )


def render(midi, n_samples, gain=0.6):
    """Play a `pretty_midi.PrettyMIDI` dry (no reverb, no chorus).

    Args:
      midi: what to play.
      n_samples: length of the result; what rings longer is cut, the rest is silence.
      gain: FluidSynth's master gain.

    Returns:
      float32 (n_samples,) mono at 16 kHz.
    """
    with tempfile.TemporaryDirectory() as folder:
        midi_path, wav_path = Path(folder, "a.mid"), Path(folder, "a.wav")
        midi.write(str(midi_path))
        command = ["fluidsynth", "-ni", "-q", "-R", "0", "-C", "0", "-g", str(gain)]
        command += ["-r", str(_RENDER_RATE), "-O", "float", "-T", "wav", "-F", str(wav_path)]
        subprocess.run([*command, str(SOUNDFONT), str(midi_path)], check=True, capture_output=True)
        audio, _ = soundfile.read(wav_path, dtype="float32", always_2d=True)
    audio = soxr.resample(audio.mean(axis=1), _RENDER_RATE, SAMPLE_RATE)
    return np.pad(audio, (0, max(0, n_samples - len(audio))))[:n_samples].astype(np.float32)


def score(program, notes, bend_semitones=None, bend_rate=100):
    """Write notes down as MIDI.

    Args:
      program: General MIDI program, 0 to 127.
      notes: list of (start_s, end_s, midi_pitch, velocity).
      bend_semitones: pitch bend over the whole phrase, (n_bends,) at `bend_rate` a second.

    Returns:
      `pretty_midi.PrettyMIDI`.
    """
    midi = pretty_midi.PrettyMIDI()
    player = pretty_midi.Instrument(program)
    for start, end, pitch, velocity in notes:
        player.notes.append(pretty_midi.Note(int(velocity), int(pitch), start, end))
    # Registered parameter 0 is the range of the pitch wheel.
    for number, value in ((101, 0), (100, 0), (6, BEND_RANGE), (38, 0)):
        player.control_changes.append(pretty_midi.ControlChange(number, value, 0.0))
    if bend_semitones is not None:
        wheel = np.clip(np.round(np.asarray(bend_semitones) / BEND_RANGE * 8192), -8192, 8191)
        for i, value in enumerate(wheel):
            if i == 0 or value != wheel[i - 1]:
                player.pitch_bends.append(pretty_midi.PitchBend(int(value), 0.001 + i / bend_rate))
    midi.instruments.append(player)
    return midi
