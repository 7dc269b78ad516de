"""Make `assets/audio/phrase.ogg`, the flute melody that the lessons play on other instruments.

It is the opening of "Scarborough Fair" (traditional, public domain), played by FluidSynth with the
flute of the FluidR3 soundfont (MIT licence; Debian's `fluidsynth` and `fluid-soundfont-gm`). The
breath swells and fades in each phrase, two slurs glide, and there is a pause for breath between the
phrases, which gives loudness, pitch and silence something to show.

    python scripts/make_recording.py
"""

import subprocess
import tempfile
from pathlib import Path

import mido
import numpy as np
import soundfile

OUT = Path(__file__).resolve().parent.parent / "assets" / "audio" / "phrase.ogg"
SOUNDFONT = "/usr/share/sounds/sf2/FluidR3_GM.sf2"
FLUTE = 73
SAMPLE_RATE = 44100
BEAT_S = 0.36
BEND_RANGE = 12  # semitones
TICKS_PER_S = 960  # mido's default: 480 ticks per beat, 0.5 s per beat
STEP_S = 0.01  # seconds between two points of a curve

# Notes as (MIDI pitch, beats, glide in semitones from the note before); None is a rest.
PHRASES = [
    [(67, 2, 0), (67, 1, 0), (74, 2, 0), (74, 1, 0), (69, 1.5, 0), (70, 0.5, 0), (69, 1, 0)],
    [(67, 2.2, -2)],
    [(None, 0.8, 0)],
    [(74, 2, 0), (77, 1, 3), (79, 2, 0), (77, 1, 0), (74, 1, 0), (76, 1, 0), (72, 1, 0)],
    [(74, 3, 2)],
]


def notes():
    """Return the melody as a list of (start_s, end_s, pitch, glide in semitones)."""
    melody, time = [], 0.2
    for pitch, beats, glide in (note for phrase in PHRASES for note in phrase):
        end = time + beats * BEAT_S
        if pitch is not None:
            melody.append((time, end, pitch, glide))
        time = end
    return melody


def breath(time, start, end):
    """Return MIDI expression (0..127) at a given time in a phrase: a swell, then a long fade."""
    place = np.clip((time - start) / (end - start), 0, 1)
    return round(127 * (0.35 + 0.65 * np.sin(np.pi * place**0.8)) * min(1, 8 * (1 - place)))


def events():
    """Return the performance as a list of (time_s, mido message)."""
    melody = notes()
    gap = max(range(1, len(melody)), key=lambda i: melody[i][0] - melody[i - 1][1])
    timed = [(0.0, mido.Message("program_change", program=FLUTE))]
    # Registered parameter 0 is the range of the pitch wheel.
    for control, value in [(101, 0), (100, 0), (6, BEND_RANGE), (38, 0)]:
        timed.append((0.0, mido.Message("control_change", control=control, value=value)))
    for phrase in (melody[:gap], melody[gap:]):
        start, end = phrase[0][0], phrase[-1][1]
        for time in np.arange(start, end, STEP_S):
            value = breath(time, start, end)
            timed.append((time, mido.Message("control_change", control=11, value=value)))
    for start, end, pitch, glide in melody:
        for time in np.arange(start, min(end, start + 0.25), STEP_S):
            left = glide * max(0.0, 1 - (time - start) / 0.18)
            bend = round(-8191 * left / BEND_RANGE)
            timed.append((time, mido.Message("pitchwheel", pitch=bend)))
        for time in np.arange(start, end, 5 * STEP_S):
            # Only long notes get vibrato, as with a real player.
            value = int(np.clip(90 * (time - start - 0.3), 0, 70))
            timed.append((time, mido.Message("control_change", control=1, value=value)))
        timed.append((start, mido.Message("note_on", note=pitch, velocity=88)))
        timed.append((end - 0.01, mido.Message("note_off", note=pitch)))
    return sorted(timed, key=lambda event: event[0])


def render(folder):
    """Render with FluidSynth, without reverb or chorus; return float32 (n_samples,)."""
    track, last = mido.MidiTrack(), 0
    for time, message in events():
        tick = round(time * TICKS_PER_S)
        track.append(message.copy(time=tick - last))
        last = tick
    midi, wav = folder / "phrase.mid", folder / "phrase.wav"
    mido.MidiFile(tracks=[track]).save(midi)
    command = ["fluidsynth", "-ni", "-R", "0", "-C", "0", "-g", "1", "-r", str(SAMPLE_RATE)]
    subprocess.run([*command, "-F", wav, SOUNDFONT, midi], check=True, capture_output=True)
    audio, _ = soundfile.read(wav, dtype="float32", always_2d=True)
    return audio.mean(axis=1)


def main():
    with tempfile.TemporaryDirectory() as folder:
        audio = render(Path(folder))
    length = int((notes()[-1][1] + 0.4) * SAMPLE_RATE)
    audio = audio[:length] * (0.7 / np.abs(audio[:length]).max())
    soundfile.write(OUT, audio, SAMPLE_RATE)
    print(f"{OUT.name}: {len(audio) / SAMPLE_RATE:.1f} s, {OUT.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
