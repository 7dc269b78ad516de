"""Make training audio of known pitch without recordings: FluidSynth plays soundfonts.

The score gives the pitch at every moment, and YIN corrects it where the soundfont's sample is out
of tune or has vibrato. This needs the program `fluidsynth` and a soundfont; Debian has FluidR3
(`fluid-soundfont-gm`) and MuseScore General (`musescore-general-soundfont`), both under the MIT
licence.
Explained in notebooks/03_train_your_own/00_train.ipynb.
"""

import functools
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from ddsp_course.errors import TrainingError
from ddsp_course.units import FRAME_RATE, HOP_SIZE, SAMPLE_RATE, midi_to_hz

# Paths on Debian, and the packages that install them.
SOUNDFONTS = {
    "fluidr3": Path("/usr/share/sounds/sf2/FluidR3_GM.sf2"),
    "musescore": Path("/usr/share/sounds/sf3/MuseScore_General_Full.sf3"),
    "timgm6mb": Path("/usr/share/sounds/sf2/TimGM6mb.sf2"),
}
PACKAGES = {
    "fluidr3": "fluid-soundfont-gm",
    "musescore": "musescore-general-soundfont",
    "timgm6mb": "timgm6mb-soundfont",
}
# Range of the pitch wheel, +-12 semitones: enough for slides and vibrato.
BEND_RANGE = 12
BEND_RATE = 100
_RENDER_RATE = 48000


def find(name_or_path):
    """Return the path of a soundfont.

    Args:
      name_or_path: one of `SOUNDFONTS`, or a path of a .sf2 or .sf3 file.

    Raises:
      TrainingError: the soundfont or FluidSynth is missing; the message says what to install.
    """
    path = SOUNDFONTS.get(str(name_or_path), Path(name_or_path))
    package = PACKAGES.get(str(name_or_path), "fluid-soundfont-gm")
    if shutil.which("fluidsynth") is None:
        install = {
            "darwin": "run `brew install fluid-synth`",
            "win32": "install it from https://www.fluidsynth.org and put it on PATH",
        }.get(sys.platform, f"on Debian or Ubuntu run `sudo apt install fluidsynth {package}`")
        raise TrainingError(f"FluidSynth is not installed: {install}.")
    if not path.exists():
        install = f"on Debian or Ubuntu run `sudo apt install {package}`, or "
        if sys.platform in ("darwin", "win32"):
            install = ""  # no package there has a soundfont
        raise TrainingError(
            f"There is no soundfont at {path}: {install}give the path of a .sf2 or .sf3 file."
        )
    return path


def render(midi, n_samples, soundfont="fluidr3", gain=0.6):
    """Play a `pretty_midi.PrettyMIDI` without reverb or chorus.

    Args:
      midi: `pretty_midi.PrettyMIDI`.
      n_samples: length of the result, which is cut off or padded with silence.
      soundfont: see `find`.
      gain: FluidSynth's master gain.

    Returns:
      (n_samples,) float32, mono at 16 kHz.

    Raises:
      TrainingError: FluidSynth or the soundfont is missing, or cannot be played.
    """
    import soundfile
    import soxr

    soundfont = find(soundfont)
    with tempfile.TemporaryDirectory() as folder:
        midi_path, wav_path = Path(folder, "a.mid"), Path(folder, "a.wav")
        midi.write(str(midi_path))
        command = ["fluidsynth", "-ni", "-q", "-R", "0", "-C", "0", "-g", str(gain)]
        # Loads only the samples in use, which takes 0.2 s instead of 3 for MuseScore General.
        command += ["-o", "synth.dynamic-sample-loading=1"]
        command += ["-r", str(_RENDER_RATE), "-O", "float", "-T", "wav", "-F", str(wav_path)]
        done = subprocess.run(
            [*command, str(soundfont), str(midi_path)], check=False, capture_output=True, text=True
        )
        if not wav_path.exists():
            raise TrainingError(
                f"FluidSynth could not play {soundfont} ({done.stderr.strip()[:200]}): check that "
                "it is a .sf2 or .sf3 file."
            )
        audio, _ = soundfile.read(wav_path, dtype="float32", always_2d=True)
    audio = soxr.resample(audio.mean(axis=1), _RENDER_RATE, SAMPLE_RATE)
    return np.pad(audio, (0, max(0, n_samples - len(audio))))[:n_samples].astype(np.float32)


def score(program, notes, bend_semitones=None):
    """Convert notes to MIDI.

    Args:
      program: General MIDI program, 0 to 127.
      notes: list of (start_s, end_s, midi_pitch, velocity).
      bend_semitones: pitch bend over the whole phrase, (n_bends,) at 100 Hz.

    Returns:
      `pretty_midi.PrettyMIDI`.
    """
    import pretty_midi

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
                player.pitch_bends.append(pretty_midi.PitchBend(int(value), 0.001 + i / BEND_RATE))
    midi.instruments.append(player)
    return midi


def phrase(program, lowest, highest, seed, soundfont="fluidr3", seconds=10):
    """Compose and play one phrase; see `compose`.

    The level of whole phrases varies by up to 12 dB, as if the microphone had moved.

    Args:
      program: General MIDI program, 0 to 127.
      lowest, highest: range of the instrument in MIDI pitches.
      seed: integer; the same seed gives the same phrase.
      soundfont: see `find`.
      seconds: length in seconds.

    Returns:
      audio: (seconds * 16000,) float32.
      f0_hz: (seconds * 250,) float32, the pitch of the current note or, in rests, the last one.
    """
    rng = np.random.default_rng([program, seed])
    notes, bend = compose(rng, lowest, highest, seconds)
    audio, f0_hz = perform(program, notes, bend, (lowest + highest) // 2, seconds, soundfont)
    audio *= 10 ** (rng.uniform(-9, 3) / 20)
    return audio, follow(audio, f0_hz)


def compose(rng, lowest, highest, seconds=10):
    """Compose one phrase with random register, tempo, dynamics and vibrato.

    Notes may be legato or detached, may slide, and may have rests between them.

    Args:
      rng: NumPy generator.
      lowest, highest: range of the instrument in MIDI pitches.
      seconds: length in seconds.

    Returns:
      notes: list of (start_s, end_s, midi_pitch, velocity).
      bend_semitones: (seconds * 100,), vibrato and slides.
    """
    low = rng.integers(lowest, max(highest - 12, lowest + 1))
    high = min(low + rng.integers(7, 20), highest)
    speed = np.exp(rng.uniform(np.log(0.09), np.log(1.2)))
    loud, spread = rng.uniform(30, 120), rng.uniform(0, 25)
    pitch, t, notes = rng.integers(low, high + 1), rng.uniform(0, 0.5), []
    while t < seconds - 0.3:
        length = min(speed * np.exp(rng.normal(0, 0.4)), seconds - 0.1 - t)
        gap = rng.choice([0.0, 0.02, 0.1, 0.6, 1.6], p=[0.42, 0.2, 0.2, 0.13, 0.05])
        pitch = int(np.clip(pitch + rng.integers(-5, 6), low, high))
        velocity = np.clip(rng.normal(loud, spread), 8, 127)
        notes.append((t, t + max(0.05, length - 0.3 * min(gap, length)), pitch, velocity))
        t += max(length, 0.06) + gap
    bend_t = np.arange(0, seconds, 1 / BEND_RATE)
    starts = [note[0] for note in notes]
    since = np.maximum(bend_t - np.array(starts)[_playing(starts, bend_t)], 0)
    depth = rng.choice([0.0, rng.uniform(0.1, 0.6)])
    vibrato = np.clip((since - 0.15) / 0.3, 0, 1) * np.sin(
        2 * np.pi * rng.uniform(4.5, 6.5) * bend_t
    )
    slide = rng.choice([0.0, rng.uniform(-1.5, 1.5)], p=[0.7, 0.3]) * np.exp(-since / 0.06)
    return notes, depth * vibrato + slide


def perform(program, notes, bend_semitones, middle, seconds=10, soundfont="fluidr3"):
    """Play notes at full level, that is, with fortissimo notes at -15 dBFS.

    Args:
      program, notes, bend_semitones: see `score`.
      middle: MIDI pitch that the level is measured at.
      seconds: length in seconds.
      soundfont: see `find`.

    Returns:
      audio: (seconds * 16000,) float32.
      f0_hz: (seconds * 250,), the score's pitch of the current note or, in rests, the last one.
    """
    audio = render(score(program, notes, bend_semitones), seconds * SAMPLE_RATE, soundfont)
    audio *= _to_full_level(program, middle, soundfont)
    frame_t = np.arange(seconds * FRAME_RATE) / FRAME_RATE
    midi = np.array([note[2] for note in notes])[_playing([note[0] for note in notes], frame_t)]
    bend_t = np.arange(len(bend_semitones)) / BEND_RATE
    return audio, midi_to_hz(midi + np.interp(frame_t, bend_t, bend_semitones))


def in_a_room(audio, seed):
    """Make a phrase sound as a microphone in a room hears a player.

    A soundfont is played close to the microphone, in no room, and without breath. A model that has
    heard nothing else is too bright, and silent where a recording has a room's echo and noise.

    Args:
      audio: (n_samples,) at 16 kHz.
      seed: integer; the same seed gives the same room.

    Returns:
      (n_samples,) float32: the phrase with breath as loud as -50 to -32 dB below it, off the
      instrument's axis, in a room that rings for 0.15 to 1.2 s (60 dB), with a microphone's noise
      at -105 to -65 dBFS.
    """
    import scipy.signal

    rng = np.random.default_rng([len(audio), seed])
    n = len(audio)

    def level(low_db, high_db):
        return 10 ** (rng.uniform(low_db, high_db) / 20)

    # Breath follows the tone's level, smoothed over 40 ms.
    envelope = np.sqrt(np.convolve(audio**2, np.ones(640) / 640, "same"))
    breath = _filtered(
        rng.standard_normal(n), lambda hz: 1 / (1 + (hz / rng.uniform(2e3, 5e3)) ** 2)
    )
    sound = audio + level(-50, -32) * envelope * breath / breath.std()
    # In front of the bell all is loud; beside it the high partials are weaker.
    octaves_db, corner_hz = rng.uniform(-7, 0), rng.uniform(600, 1500)
    sound = _filtered(
        sound, lambda hz: 10 ** (octaves_db * np.log2(np.maximum(hz, corner_hz) / corner_hz) / 20)
    )
    # Walls and air take the highs first, which halves the time that they ring.
    t = np.arange(int(1.2 * SAMPLE_RATE)) / SAMPLE_RATE
    rings_s = rng.uniform(0.15, 1.2)
    tail = rng.standard_normal(len(t)) * 10 ** (-3 * t / rings_s)
    dull = _filtered(tail, lambda hz: 1 / (1 + (hz / 1500) ** 2))
    bright = (tail - dull) * 10 ** (-3 * t / rings_s)
    room = (dull + bright) * (t > rng.uniform(0.002, 0.02))
    room *= level(-22, -6) / np.sqrt((room**2).sum())
    room[0] = 1
    sound = scipy.signal.fftconvolve(sound, room)[:n]
    noise = _filtered(rng.standard_normal(n), lambda hz: np.maximum(hz, 60) ** -0.5)
    return (sound + level(-105, -65) * noise / noise.std()).astype(np.float32)


def follow(audio, f0_hz, cents=60):
    """Correct a score's pitch with YIN, wherever YIN's estimate is close to the score.

    Args:
      audio: (n_samples,) at 16 kHz.
      f0_hz: (n_frames,), pitch from the score.
      cents: largest correction.

    Returns:
      (n_frames,) float32.
    """
    import librosa

    found = librosa.yin(
        audio,
        fmin=max(32.0, 0.9 * f0_hz.min()),
        fmax=min(4000.0, 1.1 * f0_hz.max()),
        sr=SAMPLE_RATE,
        # A frame must hold two periods of the lowest note, but short ones follow vibrato better.
        frame_length=1024 if f0_hz.min() > 100 else 2048,
        hop_length=HOP_SIZE,
    )[: len(f0_hz)]
    near = np.abs(1200 * np.log2(found / f0_hz)) < cents
    return np.where(near, found, f0_hz).astype(np.float32)


def _filtered(audio, gain_at):
    """Return audio (n_samples,) times a gain at each frequency, `gain_at(hz)`, without delay."""
    spectrum = np.fft.rfft(audio, 2 * len(audio))
    gain = gain_at(np.fft.rfftfreq(2 * len(audio), 1 / SAMPLE_RATE))
    return np.fft.irfft(spectrum * gain)[: len(audio)]


@functools.cache
def _to_full_level(program, pitch, soundfont):
    """Return the gain that brings a fortissimo note to -15 dBFS, because soundfonts differ."""
    note = render(score(program, [(0.0, 1.0, pitch, 120)]), SAMPLE_RATE, soundfont)
    return 10 ** (-15 / 20) / (np.sqrt((note**2).mean()) + 1e-6)


def _playing(starts, times):
    """Return the index of the note that sounds, or sounded last, at each time."""
    return np.maximum(np.searchsorted(starts, times, "right") - 1, 0)
