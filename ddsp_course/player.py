"""A player that switches between two sounds, before and after, without losing its place.

The app uses it (`widgets.timbre_transfer`). Its page is player.js, an anywidget. Colab renders
third-party widgets with a different version of ipywidgets, so there two plain players replace it.
"""

import io
import sys
from pathlib import Path

import anywidget
import ipywidgets
import soundfile
import traitlets

from ddsp_course import audio

PAGE = Path(__file__).with_name("player.js")


def widget():
    """Return a widget with `show_before`, `show_after` and `forget_after`; see `Player`."""
    return PlainPlayers() if "google.colab" in sys.modules else Player()


class Player(anywidget.AnyWidget):
    """A player with two buttons that choose the sound, a loop, and a download link for the result.

    Attributes:
      before, after: FLAC, peak-limited like `audio.play`; `after` is empty until there is a result.
      saved: WAV of the result.
      name: file name for the download.
      before_title, after_title: titles of the two sounds.
      shown: "before" or "after".
    """

    _esm = PAGE.read_text("utf-8")
    before = traitlets.Bytes().tag(sync=True)
    after = traitlets.Bytes().tag(sync=True)
    saved = traitlets.Bytes().tag(sync=True)
    name = traitlets.Unicode().tag(sync=True)
    before_title = traitlets.Unicode().tag(sync=True)
    after_title = traitlets.Unicode().tag(sync=True)
    shown = traitlets.Unicode("before").tag(sync=True)

    def show_before(self, sound, title):
        """Set the sound before the transfer, (n_samples,) at 16 kHz, and clear the result."""
        with self.hold_sync():
            self.forget_after()
            self.before, self.before_title = _flac(sound), title

    def show_after(self, sound, title, name):
        """Set the result, (n_samples,), saved as `name`; playback continues with it."""
        with self.hold_sync():
            self.after, self.after_title = _flac(sound), title
            self.saved, self.name = _encoded(audio.limit_peak(sound, 1.0), "WAV"), name

    def forget_after(self):
        """Clear the result."""
        with self.hold_sync():
            self.after, self.saved, self.shown = b"", b"", "before"


class PlainPlayers(ipywidgets.HTML):
    """Replaces `Player` in Colab with one HTML player per sound."""

    shown = "before"
    _parts = ("", "")

    def show_before(self, sound, title):
        self._show(audio.player_html(sound, title=title), "")

    def show_after(self, sound, title, name):
        player = audio.player_html(sound, title=title)
        self._show(self._parts[0], player + audio.link_html(sound, name))

    def forget_after(self):
        self._show(self._parts[0], "")

    def _show(self, before, after):
        self._parts = (before, after)
        self.value = before + after


def _flac(sound):
    # Browsers seek in FLAC to the exact sample, but not in every MP3.
    return _encoded(audio.limit_peak(sound), "FLAC")


def _encoded(sound, kind):
    """Return the bytes of an audio file."""
    file = io.BytesIO()
    soundfile.write(file, sound, audio.SAMPLE_RATE, "PCM_16", format=kind)
    return file.getvalue()
