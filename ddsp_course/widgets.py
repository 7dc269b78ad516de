"""The app: timbre transfer with buttons and sliders, in a notebook or as a page of its own.

`timbre_transfer()` shows it; `make app` serves notebooks/app.ipynb with Voila. It takes the steps
of notebooks/02_timbre_transfer/00_demo.ipynb, which explains them. It runs on ipywidgets 7.7
(Colab) and 8. Work that takes long goes on in a thread, so that it can be cancelled.
"""

import contextvars
import html
import tempfile
import threading
from pathlib import Path

import numpy as np

from ddsp_course import _paths, audio, instruments, plots, record, synthesis, transfer
from ddsp_course.errors import CourseError, SetupError

try:
    import ipywidgets
except ImportError as error:
    raise SetupError(
        "The app needs ipywidgets and anywidget: install them with `pip install ipywidgets "
        "anywidget`, or use transfer.timbre_transfer."
    ) from error

EXAMPLE = _paths.ASSETS / "audio" / "phrase.ogg"
_WIDE = {"description_width": "180px"}
_REST = "No sound yet: press “Transfer”."


def timbre_transfer():
    """Show the app: any sound, played by any instrument.

    Raises:
      SetupError: ipywidgets or anywidget is missing.
    """
    from IPython.display import display

    app = App()
    display(app.page)
    app.refresh()


class App:
    """The app's state, its controls, and the page that they make.

    Attributes:
      page: an ipywidgets box with everything in it.
      sound: (n_samples,), what is to be played.
      extracted, adjusted: `features.Features` of it, before and after `conditioning.adjust`.
      instrument: `instruments.Instrument`.
      parts: what `Instrument.play_parts` made, or None before a transfer.
    """

    def __init__(self):
        self.sound = audio.load(EXAMPLE)
        self.extracted = self.adjusted = self.instrument = self.parts = None
        self._take = record.Take()
        self._uploads = tempfile.TemporaryDirectory()
        self._stop, self._thread = threading.Event(), None
        self._make_choices()
        self._make_knobs()
        self._make_results()
        self._connect()
        self.page = self._lay_out()
        self._show_before()
        self.after.value = _REST

    def _make_choices(self):
        self.source = ipywidgets.Dropdown(
            options=[
                ("Example: a flute's melody", "example"),
                ("My own (record or upload)", "own"),
            ],
            description="sound",
            style=_WIDE,
            layout={"width": "520px"},
        )
        self.recorder = record.widget(30, self._receive)
        catalogue = instruments.catalogue()
        first = "violin" if "violin" in catalogue else None
        self.choice = ipywidgets.Dropdown(
            options=[(entry.title, name) for name, entry in catalogue.items()],
            value=first,
            description="instrument",
            style=_WIDE,
            layout={"width": "520px"},
        )
        self.zip = ipywidgets.FileUpload(accept=".zip", description="Your own, as a zip up to 7 MB")
        self.zip.layout.width = "260px"
        self.path = ipywidgets.Text(
            description="or its path",
            placeholder="folder or zip, then Enter",
            continuous_update=False,
            layout={"width": "380px"},
        )

    def _make_knobs(self):
        self.knobs = {
            "pitch_shift": _slider("pitch shift (semitones)", 0, -36, 36, 1),
            "loudness_shift": _slider("loudness shift (dB)", 0, -30, 20, 1),
            "autotune": _slider("autotune", 0, 0, 1, 0.05),
            "quiet": _slider("quiet between notes (dB)", 20, 0, 60, 1),
            "note_threshold": _slider("note threshold", 1, 0, 2, 0.05),
            "match": ipywidgets.Checkbox(
                True,
                description="match the instrument's register and loudness",
                indent=False,
                layout={"width": "480px"},
            ),
        }
        self.levels = [
            _slider("harmonics", 1, 0, 2, 0.05),
            _slider("noise", 1, 0, 2, 0.05),
            _slider("reverb", 0, 0, 2, 0.05),
        ]

    def _make_results(self):
        # Never disabled: the keyboard would be lost with the button that it is on.
        self.transfer = ipywidgets.Button(description="Transfer", button_style="primary")
        self.cancel = ipywidgets.Button(description="Cancel")
        self.progress = ipywidgets.FloatProgress(0, min=0, max=1, layout={"width": "300px"})
        self.message = ipywidgets.HTML()
        self.curves = ipywidgets.HTML()
        self.before, self.after = ipywidgets.HTML(), ipywidgets.HTML()
        for column in (self.before, self.after):
            column.layout = ipywidgets.Layout(width="480px")

    def _connect(self):
        self.source.observe(lambda _: self._choose_source(), "value")
        self.choice.observe(lambda _: self.refresh(), "value")
        self.zip.observe(lambda change: self._unpack(change["new"]), "value")
        self.path.observe(lambda change: self._offer(change["new"].strip()), "value")
        for knob in self.knobs.values():
            knob.observe(lambda _: self._turned(), "value")
        for level in self.levels:
            level.observe(lambda _: self._mix(), "value")
        self.transfer.on_click(lambda _: self._begin(self._play))
        self.cancel.on_click(lambda _: self._stop.set())

    def _lay_out(self):
        return ipywidgets.VBox(
            [
                _heading("1. A sound"),
                self.source,
                self.recorder,
                _heading("2. An instrument"),
                self.choice,
                _row(self.zip, self.path),
                _heading("3. How it is played"),
                *self.knobs.values(),
                self.curves,
                _heading("4. Transfer"),
                _row(self.transfer, self.cancel, self.progress),
                self.message,
                _row(self.before, self.after),
                _heading("5. The mix"),
                *self.levels,
            ]
        )

    def refresh(self):
        """Load the instrument and measure the sound, and draw the curves."""
        self._begin(self._measure)

    def wait(self):
        """Wait until the work that was begun is over."""
        if self._thread is not None:
            self._thread.join()

    # What the controls call.

    def _choose_source(self):
        if self.source.value == "example":
            self._take_sound(audio.load(EXAMPLE))
        elif self._take.arrived:
            self._take_sound(self._take.sound)
        else:
            self._say("Record something or upload a file: it is taken as soon as it arrives.")

    def _receive(self, name, data):
        accepted, sentence = self._take.receive(name, data)
        if accepted:
            if self.source.value == "own":
                self._take_sound(self._take.sound)
            else:
                self.source.value = "own"
        return accepted, sentence

    def _take_sound(self, sound):
        self.sound, self.extracted, self.adjusted, self.parts = sound, None, None, None
        self.after.value = _REST
        self._show_before()
        self.refresh()

    def _unpack(self, value):
        if not value:
            return
        # ipywidgets 7 has {name: {"content": bytes}}, and 8 a tuple of {"name", "content"}.
        if isinstance(value, dict):
            name, content = next((name, file["content"]) for name, file in value.items())
        else:
            name, content = value[0]["name"], value[0]["content"]
        path = Path(self._uploads.name) / Path(name).name
        path.write_bytes(content)
        self._offer(str(path))

    def _offer(self, path):
        """Put an instrument of the learner's own in the menu, and choose it."""
        if path and path not in [value for _, value in self.choice.options]:
            self.choice.options = (*self.choice.options, (f"{Path(path).name} (your own)", path))
        if path:
            self.choice.value = path

    def _turned(self):
        if self.extracted is not None and self.instrument is not None:
            self._adjust()
            if self.parts is not None:
                self._say("The settings have changed: press “Transfer” to hear them.")

    # Work, in a thread of its own.

    def _begin(self, work):
        """Stop what is going on, and begin `work` as soon as that has ended."""
        self._stop.set()
        previous, self._stop = self._thread, threading.Event()
        arguments = (work, self._stop, previous)
        self._thread = threading.Thread(
            # ipykernel finds the cell that a message belongs to in the context.
            target=contextvars.copy_context().run,
            args=(self._work, *arguments),
            daemon=True,
        )
        self._thread.start()

    def _work(self, work, stop, previous):
        if previous is not None:
            previous.join()
        if stop.is_set():
            return
        try:
            work(lambda steps, desc, **_: self._bar(steps, desc, stop))
        except _Cancelled:
            self._say("Cancelled.")
        except CourseError as error:
            self._say(str(error))
        except Exception as error:
            self._say(f"This failed ({type(error).__name__}: {error}): try other settings.")
            raise
        finally:
            self.progress.value = 0

    def _bar(self, steps, desc, stop):
        """Stands in for tqdm: shows where the work is, and ends it where that is wanted."""
        steps = list(steps)
        for i, step in enumerate(steps):
            if stop.is_set():
                raise _Cancelled
            self.progress.value = i / len(steps)
            self._say(f"{desc}: {i} of {len(steps)}")
            yield step
        if stop.is_set():
            raise _Cancelled

    def _measure(self, bar):
        """Do what is not done yet, up to the curves."""
        if self.instrument is None or self.instrument.name != self.choice.value:
            for name in bar([self.choice.value], "loading the instrument"):
                self.instrument = instruments.load(name)
            self.parts = None
            self.after.value = _REST
            has_reverb = self.instrument.player.impulse_response is not None
            self.levels[2].description = "its own reverb" if has_reverb else "reverb (a small hall)"
            self.levels[2].value = 1 if has_reverb else 0
        self._adjust(bar)
        self._say("Ready: press “Transfer”.")

    def _play(self, bar):
        self._measure(bar)
        self.parts = self.instrument.play_parts(self.adjusted, progress=bar)
        self._mix()
        self._say(f"Done: {len(self.sound) / audio.SAMPLE_RATE:.1f} s by {self._name()}.")

    # What is seen and heard.

    def _adjust(self, bar=False):
        settings = {name: knob.value for name, knob in self.knobs.items()}
        settings["pitch_shift"] /= 12  # octaves
        self.extracted, self.adjusted = transfer.prepare(
            self.sound if self.extracted is None else self.extracted,
            self.instrument,
            progress=bar,
            **settings,
        )
        figure = plots.features(self.extracted, self.adjusted, figure=_figure(8, 5.2))
        self.curves.value = plots.to_html(
            figure,
            "Pitch, loudness and confidence over time, before and after, and where notes are",
        )

    def _mix(self):
        if self.parts is None:
            return
        harmonic, noise, impulse_response = self.parts
        if impulse_response is None:
            impulse_response = _small_hall()
        levels = [level.value for level in self.levels]
        played = synthesis.mix(harmonic, noise, impulse_response, levels)
        title = f"After: {self._name()}"
        self.after.value = _sound_html(played, title) + audio.link_html(
            played, f"{self._name().replace(' ', '_')}.wav"
        )

    def _show_before(self):
        self.before.value = _sound_html(self.sound, "Before")

    def _name(self):
        return Path(self.instrument.name).stem.replace("_", " ")

    def _say(self, sentence):
        self.message.value = f'<div role="status" aria-live="polite">{html.escape(sentence)}</div>'


class _Cancelled(Exception):
    """The learner pressed Cancel, or started something else."""


def _small_hall():
    """A second of noise that dies away, (16000,), with a quarter of the dry sound's power."""
    n = audio.SAMPLE_RATE
    tail = np.random.default_rng(0).normal(size=n) * np.exp(-5 * np.arange(n) / n)
    return (0.5 * tail / np.sqrt(np.sum(tail**2))).astype(np.float32)


def _sound_html(sound, title):
    figure = _figure(6, 3.2)
    plots.spectrogram(sound, ax=figure.subplots(), title=title)
    return audio.player_html(sound, title=title) + plots.to_html(figure, f"Spectrogram: {title}")


def _figure(width, height):
    """Return a figure that pyplot does not know, which shows what it knows after each cell."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=80, layout="constrained", facecolor="white")


def _slider(description, value, low, high, step):
    return ipywidgets.FloatSlider(
        value,
        min=low,
        max=high,
        step=step,
        readout_format="d" if step == 1 else ".2f",
        description=description,
        continuous_update=False,
        style=_WIDE,
        layout={"width": "480px"},
    )


def _heading(text):
    return ipywidgets.HTML(f"<h3>{text}</h3>")


def _row(*children):
    return ipywidgets.HBox(children, layout={"flex_flow": "row wrap"})
