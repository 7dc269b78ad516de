"""The app: timbre transfer with buttons and sliders, in a notebook or on a page of its own.

`timbre_transfer()` shows it; `make app` serves notebooks/app.ipynb with Voila. It follows the steps
of notebooks/02_timbre_transfer/00_demo.ipynb, which explains them. It works with ipywidgets 7.7
(Colab) and 8. Slow tasks run in a thread and can be cancelled.
"""

import contextlib
import html
import tempfile
import warnings
from pathlib import Path

import numpy as np

from ddsp_course import (
    _paths,
    audio,
    conditioning,
    features,
    instruments,
    panel,
    plots,
    record,
    synthesis,
)
from ddsp_course.errors import CourseError, SetupError

try:
    import ipywidgets

    from ddsp_course import background, player, upload
except ImportError as error:
    raise SetupError(
        "The app needs ipywidgets and anywidget: install them with `pip install ipywidgets "
        "anywidget`, or use transfer.timbre_transfer."
    ) from error

# Sounds to play without a recording: (title in the menu, file in assets/audio).
EXAMPLES = {
    "flute": ("flute melody (soundfont)", "phrase.ogg"),
    "voice": ("singing voice (synthetic)", "voice.ogg"),
    "whistle": ("whistle (synthetic)", "whistle.ogg"),
    "hum": ("hum (synthetic)", "hum.ogg"),
}
_WIDE = {"description_width": "180px"}
_SHORTEST_S = 0.2  # shortest part that can be selected
_COLUMNS = 640  # columns of the waveform picture


def timbre_transfer():
    """Show the app, which plays any sound on any instrument.

    Raises:
      SetupError: ipywidgets or anywidget is missing.
    """
    from IPython.display import display

    app = App()
    display(app.page)
    app.refresh()


class App:
    """The app's state, controls and page.

    Attributes:
      page: an ipywidgets box that contains everything.
      whole: (n_samples,), the current sound.
      sound: (n_samples,), the selected part of it.
      extracted, adjusted: `features.Features` of that part, before and after `conditioning.adjust`.
      instrument: `instruments.Instrument`.
      parts: the result of `Instrument.play_parts`, or None before a transfer.
    """

    def __init__(self):
        self.whole = self.sound = self.extracted = self.adjusted = self.parts = None
        self._measured = None  # the sound that `extracted` belongs to
        self.instrument = self._chosen = None  # the instrument, and its name in the menu
        self._own, self._zips = {}, {}  # loaded instruments, and bytes of zips yet to load, by name
        self._take, self._take_name = record.Take(), ""
        self._remarks = [], []  # warnings about the sound, and about how it is played
        self._is_held = self._is_playing = False
        self.work = background.Background()
        self._make_choices()
        self._make_knobs()
        self._make_results()
        self._connect()
        self.page = self._lay_out()
        self._use(audio.load(_example("flute")), f"Example: {EXAMPLES['flute'][0]}")

    def _make_choices(self):
        examples = [(f"Example: {title}", name) for name, (title, _) in EXAMPLES.items()]
        self.in_use = ipywidgets.HTML()
        self.source = ipywidgets.Dropdown(
            options=[*examples, ("My own (record or upload)", "own")],
            description="sound",
            style=_WIDE,
        )
        self.recorder = record.widget(30, self._receive)
        self.recorder.add_class("without-trim")  # the app can trim every sound, even examples
        self.waveform = ipywidgets.HTML()
        self.ends = [_slider("from (s)", 0, 0, 1, 0.05), _slider("to (s)", 1, 0, 1, 0.05)]
        catalogue = instruments.catalogue()
        self.choice = ipywidgets.Dropdown(
            options=[(entry.title, name) for name, entry in catalogue.items()],
            value="violin" if "violin" in catalogue else None,
            description="instrument",
            style=_WIDE,
        )
        self.zip = upload.widget("Your own, as a zip", ".zip", self._unpack)
        self.path = ipywidgets.Text(
            description="or its path",
            placeholder="folder or zip, then Enter",
            continuous_update=False,
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
            ),
        }
        self.levels = [
            _slider("harmonics", 1, 0, 2, 0.05),
            _slider("noise", 1, 0, 2, 0.05),
            _slider("reverb", 0, 0, 2, 0.05),
        ]
        self._defaults = {knob: knob.value for knob in (*self.knobs.values(), *self.levels)}
        self.reset = ipywidgets.Button(description="Reset knobs and mix", layout={"width": "auto"})

    def _make_results(self):
        # Never disabled, because a disabled button loses the keyboard focus.
        self.transfer = ipywidgets.Button(description="Transfer", button_style="primary")
        self.cancel = ipywidgets.Button(description="Cancel")
        self.remarks = ipywidgets.HTML()
        self.player = player.widget()
        # The space for pictures is reserved, so nothing jumps when they appear.
        self.curves = ipywidgets.HTML(_room(8, 5.2))
        self.before = ipywidgets.HTML(_room(6, 3.2))
        self.after = ipywidgets.HTML(_room(6, 3.2))

    def _connect(self):
        self._when_turned(self.source, self._choose_source)
        self._when_turned(self.choice, self.refresh)
        self.path.observe(lambda change: self._offer(change["new"].strip()), "value")
        for end in self.ends:
            self._when_turned(end, self._cut)
        for knob in self.knobs.values():
            self._when_turned(knob, self._turned)
        for level in self.levels:
            self._when_turned(level, self._mix)
        self.reset.on_click(lambda _: self._reset())
        self.transfer.on_click(lambda _: self._press_transfer())
        self.cancel.on_click(lambda _: self.work.cancel())

    def _when_turned(self, control, function):
        """Call a function when the user changes a control, but not when the app does."""
        control.observe(lambda _: None if self._is_held else function(), "value")

    @contextlib.contextmanager
    def _held(self):
        """Let the app change its own controls without triggering their callbacks."""
        self._is_held = True
        try:
            yield
        finally:
            self._is_held = False

    def _lay_out(self):
        return panel.panel(
            [
                _row(
                    _column(
                        _heading("1. Sound"),
                        self.in_use,
                        self.source,
                        self.recorder,
                        self.waveform,
                        *self.ends,
                    ),
                    _column(_heading("2. Instrument"), self.choice, _row(self.zip, self.path)),
                ),
                _heading("3. Adjustments"),
                _row(_column(*self.knobs.values(), _row(self.reset)), _column(self.curves)),
                _heading("4. Transfer"),
                _row(self.transfer, self.cancel, self.work.progress, self.work.left),
                self.work.message,
                self.remarks,
                self.player,
                _row(_column(self.before), _column(self.after)),
                _heading("5. Mix"),
                *self.levels,
            ]
        )

    def refresh(self):
        """Load the instrument, measure the sound and draw the curves."""
        self._is_playing = False
        self.work.begin(self._measure)

    def wait(self):
        """Wait until the current task has ended."""
        self.work.wait()

    # Callbacks of the controls.

    def _press_transfer(self):
        # Measuring continues; a running transfer restarts with the current settings.
        self.work.begin(self._play, stop_other=self._is_playing)
        self._is_playing = True

    def _choose_source(self):
        name = self.source.value
        if name != "own":
            self._use(audio.load(_example(name)), f"Example: {EXAMPLES[name][0]}")
            self.refresh()
        elif self._take.arrived:
            self._use(self._take.sound, self._take_name)
            self.refresh()
        else:
            self.work.say("Record something or upload a file; the app uses it once it arrives.")

    def _receive(self, name, data):
        """Receive a file from the recorder; an unusable one leaves the current sound in place."""
        accepted, sentence = self._take.receive(name, data)
        if accepted:
            self._take_name = name
            with self._held():
                self.source.value = "own"
            self._choose_source()
        return accepted, sentence

    def _use(self, sound, title):
        """Make a sound the current one, with all of it selected."""
        self.whole, self._title = sound, title
        seconds = len(sound) / audio.SAMPLE_RATE
        with self._held():
            for end, value in zip(self.ends, (0, seconds), strict=True):
                end.max = seconds
                end.value = value
        self._take_part()

    def _cut(self):
        first, last = self.ends
        if last.value < first.value + _SHORTEST_S:
            with self._held():
                first.value = max(0, min(first.value, last.max - _SHORTEST_S))
                last.value = min(last.max, max(last.value, first.value + _SHORTEST_S))
        self._take_part()
        self.refresh()

    def _take_part(self):
        """Select the part between the two ends, and show what is in use."""
        first, last = (end.value for end in self.ends)
        is_all = first == 0 and last == self.ends[1].max
        part = "" if is_all else f", from {first:.1f} to {last:.1f} s"
        start, end = (round(place * audio.SAMPLE_RATE) for place in (first, last))
        self.sound = self.whole if is_all else self.whole[start:end]
        self.extracted = self.adjusted = self.parts = None
        self._remarks = [], []
        self._show_remarks()
        self.in_use.value = (
            f'<div role="status">In use: <b>{html.escape(self._title)}</b>, '
            f"{last - first:.1f} s{part}</div>"
        )
        self.waveform.value = _waveform_html(self.whole, first, last)
        self.before.value = _spectrogram_html(self.sound, "Before")
        self.after.value = _room(6, 3.2, "No sound yet: press “Transfer”.")
        self.player.show_before(self.sound, f"Before: {self._title}")

    def _unpack(self, name, content):
        """Add an uploaded zip to the menu; it stays in memory until it is loaded."""
        name = Path(name).name
        self._zips[name] = content
        if self.choice.value == name:
            self.refresh()
        else:
            self._offer(name)

    def _offer(self, name):
        """Add the learner's own instrument to the menu, and choose it."""
        if not name:
            return
        if name not in [value for _, value in self.choice.options]:
            with self._held():
                chosen = self.choice.value
                title = f"{Path(name).name} (your own)"
                self.choice.options = (*self.choice.options, (title, name))
                self.choice.value = chosen
        self.choice.value = name

    def _turned(self):
        if self.extracted is not None and self.instrument is not None:
            self._adjust()
            if self.parts is not None:
                self.work.say("The settings have changed: press “Transfer” to hear them.")

    def _reset(self):
        with self._held():
            for knob, value in self._defaults.items():
                knob.value = value
        self._turned()
        self._mix()

    # Tasks that run in a thread.

    def _measure(self, steps):
        """Complete all steps up to the curves; return whether the chosen instrument loaded."""
        failure = self._load_chosen(steps)
        if self.instrument is None:
            raise failure
        sound = self.sound
        # The user may have chosen another sound in the meantime.
        if self.extracted is None or self._measured is not sound:
            self.work.say("Measuring pitch and loudness …")
            extracted, said = _with_remarks(features.extract, sound, progress=steps)
            self.extracted, self._measured, self._remarks[0][:] = extracted, sound, said
        self._adjust()
        self.work.say(
            "Ready: press “Transfer”." if failure is None
            else f"{failure} Using {self._name()} again."
        )  # fmt: skip
        return failure is None

    def _play(self, steps):
        if not self._measure(steps):
            return
        self.work.say(f"Playing {self._name()} …")
        self.parts = self.instrument.play_parts(self.adjusted, progress=steps)
        self._mix()
        self.player.shown = "after"
        seconds = len(self.sound) / audio.SAMPLE_RATE
        self.work.say(f"Done: {seconds:.1f} s, played on {self._name()}.")

    def _load_chosen(self, steps):
        """Load the instrument that the menu shows, unless it is loaded; return any error."""
        name = self.choice.value
        if name == self._chosen and name not in self._zips:
            return None
        self.work.say(f"Loading {dict(map(reversed, self.choice.options))[name]} …")
        try:
            with steps.waiting():
                instrument = self._load(name)
        except CourseError as error:
            self._take_back(name)
            return error
        self.instrument, self._chosen, self.parts = instrument, name, None
        self.after.value = _room(6, 3.2, "No sound yet: press “Transfer”.")
        self.player.forget_after()
        self._show_titles()
        has_reverb = instrument.player.impulse_response is not None
        with self._held():
            self.levels[2].description = "its own reverb" if has_reverb else "reverb (a small hall)"
            self.levels[2].value = self._defaults[self.levels[2]] = 1 if has_reverb else 0
        return None

    def _load(self, name):
        content = self._zips.pop(name, None)
        if content is not None:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "uploaded.zip"
                path.write_bytes(content)
                self._own[name] = instruments.load(path, label=name)
        return self._own[name] if name in self._own else instruments.load(name)

    def _take_back(self, name):
        """Remove an instrument that cannot be loaded from the menu; choose the loaded one."""
        known = {*instruments.catalogue(), *self._own}
        with self._held():
            chosen = self.choice.value
            self.choice.options = [
                (title, value) for title, value in self.choice.options
                if value in known or value != name
            ]  # fmt: skip
            self.choice.value = self._chosen if chosen == name else chosen

    def _show_titles(self):
        """Update the menu's titles, because a downloaded instrument loses its size note."""
        catalogue = instruments.catalogue()
        options = tuple(
            (catalogue[value].title if value in catalogue else title, value)
            for title, value in self.choice.options
        )
        if options != tuple(self.choice.options):
            with self._held():
                chosen = self.choice.value
                self.choice.options = options
                self.choice.value = chosen

    # Output.

    def _adjust(self):
        settings = {name: knob.value for name, knob in self.knobs.items()}
        settings["pitch_shift"] /= 12  # octaves
        self.adjusted, self._remarks[1][:] = _with_remarks(
            conditioning.adjust, self.extracted, self.instrument.statistics, **settings
        )
        self._show_remarks()
        figure = plots.features(self.extracted, self.adjusted, figure=_figure(8, 5.2))
        self.curves.value = plots.to_html(
            figure,
            "Pitch, loudness and confidence over time, before and after, with notes marked",
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
        self.player.show_after(played, title, f"{self._name().replace(' ', '_')}.wav")
        self.after.value = _spectrogram_html(played, title)

    def _show_remarks(self):
        said = "".join(f"<p>{html.escape(one)}</p>" for part in self._remarks for one in part)
        self.remarks.value = f'<div role="status">{said}</div>' if said else ""

    def _name(self):
        return Path(self.instrument.name).stem.replace("_", " ")


def _example(name):
    return _paths.ASSETS / "audio" / EXAMPLES[name][1]


def _with_remarks(function, *arguments, **settings):
    """Return a function's result, and a list of the course's warnings that it raised."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        result = function(*arguments, **settings)
    # Warnings from other packages do not help a learner.
    return result, [str(one.message) for one in caught if Path(one.filename) == Path(__file__)]


def _small_hall():
    """Return (16000,), a second of decaying noise with a quarter of the dry sound's power."""
    n = audio.SAMPLE_RATE
    tail = np.random.default_rng(0).normal(size=n) * np.exp(-5 * np.arange(n) / n)
    return (0.5 * tail / np.sqrt(np.sum(tail**2))).astype(np.float32)


def _spectrogram_html(sound, title):
    figure = _figure(6, 3.2)
    plots.spectrogram(sound, ax=figure.subplots(), title=title)
    return plots.to_html(figure, f"Spectrogram: {title}")


def _waveform_html(sound, first, last):
    """Return a picture of a waveform with the part from `first` to `last` s in colour."""
    step = -(-len(sound) // _COLUMNS)
    peaks = np.abs(np.pad(sound, (0, -len(sound) % step))).reshape(-1, step).max(axis=1)
    time = (np.arange(len(peaks)) + 0.5) * step / audio.SAMPLE_RATE
    figure = _figure(6.4, 1.1)
    ax = figure.subplots()
    ax.fill_between(time, -peaks, peaks, color="0.8", lw=0)
    is_in = (time >= first) & (time <= last)
    ax.fill_between(time, -peaks, peaks, where=is_in, color=plots.BEFORE, lw=0)
    ax.set(xlim=(0, len(sound) / audio.SAMPLE_RATE), yticks=[], xlabel="time (s)")
    return plots.to_html(figure, f"Waveform; the part from {first:.1f} to {last:.1f} s is in use")


def _room(width, height, text=""):
    """Return the HTML of an empty space as large as a figure of that size in inches."""
    return (
        f'<div style="max-width: {80 * width:g}px; aspect-ratio: {width} / {height}">{text}</div>'
    )


def _figure(width, height):
    """Return a figure outside pyplot, which would show it once more after the cell."""
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
    )


def _heading(text):
    return ipywidgets.HTML(f"<h2>{text}</h2>")


def _row(*children):
    return ipywidgets.HBox(children, layout={"flex_flow": "row wrap"})


def _column(*children):
    """Return a box that goes beside another if there is room, and otherwise below it."""
    return ipywidgets.VBox(children, layout={"flex": "1 1 480px"})
