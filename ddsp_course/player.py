"""A player for two sounds of one length, before and after, that keeps its place between them.

The app has it (`widgets.timbre_transfer`). Its page is player.js, an anywidget; in Colab, which
draws foreign widgets with another ipywidgets than its own, plain players stand in for it.
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
    """Return a widget with `show_before`, `show_after` and `forget_after`, see `Player`."""
    return PlainPlayers() if "google.colab" in sys.modules else Player()


class Player(anywidget.AnyWidget):
    """One player, two buttons that choose what it plays, a loop, and a link that saves the result.

    Attributes:
      before, after: FLAC, as loud as `audio.play` plays at most; `after` is empty until it is there.
      saved: WAV of the result, to be saved under `name`.
      before_title, after_title: what plays.
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
        """Take a new sound, (n_samples,) at 16 kHz; what was made of another is forgotten."""
        with self.hold_sync():
            self.forget_after()
            self.before, self.before_title = _flac(sound), title

    def show_after(self, sound, title, name):
        """Take a result, (n_samples,), to be saved as `name`; a player that plays goes on with it."""
        with self.hold_sync():
            self.after, self.after_title = _flac(sound), title
            self.saved, self.name = _encoded(audio.limit_peak(sound, 1.0), "WAV"), name

    def forget_after(self):
        """Take the result away."""
        with self.hold_sync():
            self.after, self.saved, self.shown = b"", b"", "before"


class PlainPlayers(ipywidgets.HTML):
    """What stands in for `Player` in Colab: a player for each sound, which HTML has."""

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
    # Browsers find a place in it to the sample, which they do not in every MP3.
    return _encoded(audio.limit_peak(sound), "FLAC")


def _encoded(sound, kind):
    """Return a sound file's bytes."""
    file = io.BytesIO()
    soundfile.write(file, sound, audio.SAMPLE_RATE, "PCM_16", format=kind)
    return file.getvalue()
