"""Make datasets with Apache Beam: quietly, with a progress bar, on any runner.

By default Beam's direct runner works on this machine; options select another. Explained in
notebooks/03_train_your_own/00_train.ipynb.
"""

import contextlib
import functools
import logging
import threading
import warnings
from pathlib import Path

from ddsp_course import _tensorflow

# Beam's direct runner without Prism, its new default, which is a program that it downloads.
_RUNNER = "apache_beam.runners.portability.fn_api_runner.FnApiRunner"


def run(inputs, examples_of, path, options, ticks, title, progress=False):
    """Run a pipeline from inputs to the files `path`.tfrecord-*, in no particular order.

    Args:
      inputs: list of arguments for `examples_of`.
      examples_of: module-level function that takes one input and yields examples, dictionaries of
        float arrays by name.
      path: path of the output, without its suffix.
      options: options of the Apache Beam runner, such as ["--runner=FlinkRunner", ...].
      ticks: Path of a folder to create, in which workers report progress.
      title: title of the progress bar.
      progress: show a progress bar.
    """
    with _progress(ticks, len(inputs), title, progress), _quiet_beam() as beam:
        from apache_beam.options.pipeline_options import PipelineOptions
        from tensorflow.train import Example

        with beam.Pipeline(options=PipelineOptions([f"--runner={_RUNNER}", *options])) as pipeline:
            _ = (
                pipeline
                | beam.Create(list(enumerate(inputs)))
                | beam.Reshuffle()
                | beam.FlatMap(functools.partial(_examples_and_tick, examples_of, str(ticks)))
                | "shuffle examples" >> beam.Reshuffle()
                | beam.Map(_to_example)
                | beam.io.tfrecordio.WriteToTFRecord(
                    f"{path}.tfrecord",
                    num_shards=min(4, len(inputs)),
                    coder=beam.coders.ProtoCoder(Example),
                )
            )


def stages():
    """Return the module with the stages of ddsp's Beam pipeline.

    Everything that Beam sends to its workers comes from ddsp_course. They therefore import it, and
    with it a CREPE for ddsp, before they import ddsp.
    """
    _tensorflow.load_ddsp()
    from ddsp.training.data_preparation import prepare_tfrecord_lib

    return prepare_tfrecord_lib


@contextlib.contextmanager
def _quiet_beam():
    """Yield Apache Beam without its notebook support, suppressing warnings and log messages.

    In a notebook Beam 2.77 imports its interactive parts, which fail with pandas 3.
    """
    _tensorflow.load_ddsp()
    logging.disable(logging.WARNING)  # Beam: Google's BigQuery client is missing
    import apache_beam as beam
    from apache_beam.utils import interactive_utils

    in_notebook = interactive_utils.is_in_ipython
    interactive_utils.is_in_ipython = lambda: False
    try:
        with warnings.catch_warnings():
            # pydub: ffmpeg is missing; librosa: the A-weighting of 0 Hz is infinite
            warnings.simplefilter("ignore", RuntimeWarning)
            yield beam
    finally:
        interactive_utils.is_in_ipython = in_notebook
        logging.disable(logging.NOTSET)


def _examples_and_tick(examples_of, ticks, numbered):
    """Yield the examples of an input, then create an empty file to report it as done."""
    number, one = numbered
    yield from examples_of(one)
    Path(ticks, str(number)).touch()


@contextlib.contextmanager
def _progress(ticks, total, name, shown):
    """Create the folder `ticks`, and show how many of `total` files have appeared in it.

    Beam's runners return only at the end, and workers may run anywhere, but they all share a file
    system.
    """
    from tqdm.auto import tqdm

    ticks.mkdir()
    finished = threading.Event()
    bar = tqdm(total=total, desc=name, disable=not shown)

    def count():
        ended = False
        while not ended:
            ended = finished.wait(0.5)  # and once more after the end
            bar.update(len(list(ticks.iterdir())) - bar.n)

    watcher = threading.Thread(target=count, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        finished.set()
        watcher.join()
        bar.close()


def _to_example(arrays):
    return stages()._float_dict_to_tfexample(arrays)
