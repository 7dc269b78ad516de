"""Run slow tasks in a thread, one at a time, with progress and a way to cancel.

The app (`widgets.App`) uses it to keep its page responsive.
"""

import contextlib
import contextvars
import html
import threading
import time

import ipywidgets

from ddsp_course.errors import CourseError


class Background:
    """A page's background task, and the widgets that show its progress.

    Attributes:
      message: widget with a sentence that screen readers announce.
      left: widget with the remaining steps and time, which they do not announce.
      progress: widget with a progress bar.
    """

    def __init__(self):
        self.message, self.left = ipywidgets.HTML(), ipywidgets.HTML()
        self.progress = ipywidgets.FloatProgress(0, min=0, max=1, layout={"width": "200px"})
        self._stop, self._thread = threading.Event(), None

    def begin(self, work, stop_other=True):
        """Start a task as soon as the current one has ended.

        Args:
          work: function that takes a `Steps`.
          stop_other: cancel the current task; otherwise let it finish first.
        """
        if stop_other or self._stop.is_set() or not self.is_busy():
            self._stop.set()
            self._stop = threading.Event()
        self._thread = _thread(self._work, work, self._stop, self._thread)

    def cancel(self):
        """Stop the current task at its next step."""
        self._stop.set()

    def is_busy(self):
        """Return whether a task is running."""
        return self._thread is not None and self._thread.is_alive()

    def wait(self):
        """Wait until the last task has ended."""
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
            if stop is self._stop:  # otherwise a newer task has replaced this one
                self.say("Cancelled.")
        except CourseError as error:
            self.say(str(error))
        except Exception as error:
            self.say(f"That failed ({type(error).__name__}: {error}): try different settings.")
            raise
        finally:
            self.progress.value, self.left.value = 0, ""


class Steps:
    """The steps of a task. It can be called in place of tqdm."""

    def __init__(self, background, stop):
        self._page, self._stop = background, stop

    def __call__(self, steps, **_):
        """Yield each step, and show how many there are and how long the rest will take."""
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
        """Count seconds while a block without steps runs."""
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
    """Someone pressed Cancel, or a newer task has started."""


def _thread(function, *arguments):
    """Return a running thread."""
    # ipykernel looks in the context for the cell that a message belongs to.
    run = contextvars.copy_context().run
    thread = threading.Thread(target=run, args=(function, *arguments), daemon=True)
    thread.start()
    return thread
