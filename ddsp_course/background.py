"""Work that takes long, in a thread of its own: one piece at a time, with progress and an end.

The app (`widgets.App`) works by it, and its page stays usable meanwhile.
"""

import contextlib
import contextvars
import html
import threading
import time

import ipywidgets

from ddsp_course.errors import CourseError


class Background:
    """What goes on behind a page, and what the page shows of it.

    Attributes:
      message: widget with a sentence, which screen readers say.
      left: widget with the steps and the time that are left, which they do not.
      progress: widget with a bar.
    """

    def __init__(self):
        self.message, self.left = ipywidgets.HTML(), ipywidgets.HTML()
        self.progress = ipywidgets.FloatProgress(0, min=0, max=1, layout={"width": "200px"})
        self._stop, self._thread = threading.Event(), None

    def begin(self, work, stop_other=True):
        """Begin a piece of work as soon as the one that goes on has ended.

        Args:
          work: function of a `Steps`.
          stop_other: end what goes on; else it is finished first.
        """
        if stop_other or self._stop.is_set() or not self.is_busy():
            self._stop.set()
            self._stop = threading.Event()
        self._thread = _thread(self._work, work, self._stop, self._thread)

    def cancel(self):
        """End what goes on at its next step."""
        self._stop.set()

    def is_busy(self):
        """Return whether something goes on."""
        return self._thread is not None and self._thread.is_alive()

    def wait(self):
        """Wait until what was begun is over."""
        if self._thread is not None:
            self._thread.join()

    def say(self, sentence):
        """Show a sentence."""
        self.message.value = f'<div role="status" aria-live="polite">{html.escape(sentence)}</div>'

    def _work(self, work, stop, previous):
        if previous is not None:
            previous.join()
        try:
            if stop.is_set():
                raise _Stopped
            work(Steps(self, stop))
        except _Stopped:
            if stop is self._stop:  # else something newer has taken its place
                self.say("Cancelled.")
        except CourseError as error:
            self.say(str(error))
        except Exception as error:
            self.say(f"This failed ({type(error).__name__}: {error}): try other settings.")
            raise
        finally:
            self.progress.value, self.left.value = 0, ""


class Steps:
    """The steps of a piece of work. Called, it stands in for tqdm."""

    def __init__(self, background, stop):
        self._page, self._stop = background, stop

    def __call__(self, steps, **_):
        """Yield each step; show how many there are and how long the rest will take."""
        steps = list(steps)
        began = time.monotonic()
        for i, step in enumerate(steps):
            self._check()
            left_s = (time.monotonic() - began) * (len(steps) - i) / max(1, i)
            about = f", about {left_s:.0f} s left" if i and left_s >= 1 else ""
            self._page.progress.value = i / len(steps)
            self._page.left.value = f"{i} of {len(steps)}{about}"
            yield step
        self._check()

    @contextlib.contextmanager
    def waiting(self):
        """Count seconds while something goes on that has no steps."""
        done = threading.Event()

        def count():
            seconds = 0
            while not done.wait(1):
                seconds += 1
                self._page.left.value = f"{seconds} s"

        clock = _thread(count)
        try:
            yield
        finally:
            done.set()
            clock.join()
            self._page.left.value = ""

    def _check(self):
        if self._stop.is_set():
            raise _Stopped


class _Stopped(Exception):
    """Somebody pressed Cancel, or something else was begun."""


def _thread(function, *arguments):
    """Return a thread that has begun."""
    # ipykernel finds the cell that a message belongs to in the context.
    run = contextvars.copy_context().run
    thread = threading.Thread(target=run, args=(function, *arguments), daemon=True)
    thread.start()
    return thread
