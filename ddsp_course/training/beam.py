"""Apache Beam, on which datasets are made: quiet, with a progress bar, on any runner.

Beam's direct runner runs here, and any other with that runner's options. Explained in
notebooks/03_train_your_own/00_train.ipynb.
"""

import contextlib
import functools
import logging
import threading
import warnings
from pathlib import Path

from ddsp_course import _tensorflow

# Beam's direct runner, without its new first choice: a program called Prism that it downloads.
_RUNNER = "apache_beam.runners.portability.fn_api_runner.FnApiRunner"


def run(inputs, examples_of, path, options, ticks, title, progress=False):
    """Run a pipeline from inputs to the files `path`.tfrecord-*, in no certain order.

    Args:
      inputs: list of what `examples_of` takes.
      examples_of: module-level function of one input that yields examples, each a dictionary of
        float arrays by name.
      path: where to write.
      options: of the Apache Beam runner, such as ["--runner=FlinkRunner", ...].
      ticks: Path of a folder to make, by which workers say what is done.
      title: what the progress bar says.
      progress: show it.
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
    """Return the module that holds the stages of ddsp's Beam pipeline.

    All that Beam hands to its workers is ddsp_course's, so that they import ddsp_course, which
    finds a CREPE for ddsp, before ddsp.
    """
    _tensorflow.load_ddsp()
    from ddsp.training.data_preparation import prepare_tfrecord_lib

    return prepare_tfrecord_lib


@contextlib.contextmanager
def _quiet_beam():
    """Yield Apache Beam, as it is outside notebooks, with its and others' remarks kept away.

    In a notebook Beam 2.77 imports its interactive parts, which pandas 3 lets fail.
    """
    _tensorflow.load_ddsp()
    logging.disable(logging.WARNING)  # Beam: that Google's BigQuery client is not there
    import apache_beam as beam
    from apache_beam.utils import interactive_utils

    in_notebook = interactive_utils.is_in_ipython
    interactive_utils.is_in_ipython = lambda: False
    try:
        with warnings.catch_warnings():
            # pydub: that there is no ffmpeg; librosa: the A-weight of 0 Hz
            warnings.simplefilter("ignore", RuntimeWarning)
            yield beam
    finally:
        interactive_utils.is_in_ipython = in_notebook
        logging.disable(logging.NOTSET)


def _examples_and_tick(examples_of, ticks, numbered):
    """Yield the examples of an input, then leave an empty file that says so."""
    number, one = numbered
    yield from examples_of(one)
    Path(ticks, str(number)).touch()


@contextlib.contextmanager
def _progress(ticks, total, name, shown):
    """Show how many of `total` files have come to the folder `ticks`, which it makes.

    Beam's runners do not return before the end, and workers may be anywhere; but what
    they write they write where all see it.
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
