"""Viterbi decoding: the most likely path of pitches through CREPE's frames.

The hidden Markov model is that of `crepe.core.to_viterbi_cents` (crepe 0.0.16). It has a state for
each of the 360 pitches. A step of d bins has the weight 12 - |d|. A state emits its own bin with
probability 0.1, and otherwise a random bin. Explained in
notebooks/02_timbre_transfer/04_pitch.ipynb.
"""

import functools

import numpy as np

# The pitch moves by fewer bins than this from one frame to the next.
REACH = 12
SELF_EMISSION = 0.1
# The largest number of frames to wait for the path to settle, 20 s.
PATIENCE = 5000
_STEPS = np.arange(1 - REACH, REACH)


def follow(activations):
    """Yield the most likely path of bins, given each frame's strongest bin, as frames arrive.

    Each step compares only the 23 states within reach, for all states at once.

    Future frames choose among as many paths as there are states, one ending in each. These paths
    differ only in the last frames, about 20 in music and 100 in noise, so all earlier frames are
    settled. If they still differ after `PATIENCE` frames, because the strongest bin keeps jumping,
    half of those frames follow the path that is most likely so far.

    Args:
      activations: iterable of (n, n_bins) float32 in 0..1, at least one frame in all.

    Yields:
      activation: (n, n_bins) float32, the same frames in order, in batches of different lengths.
      path: (n,) int, a bin for each frame.
    """
    best = None
    for batch in activations:
        n_bins = batch.shape[1]
        if best is None:
            waiting = np.empty((0, n_bins), np.float32)
            # choices[t, j]: the step that the best path to state j takes after frame t.
            choices = np.empty((0, n_bins), np.uint8)
            best = np.full(n_bins, np.log(1 / n_bins))
        score, best, chosen = _advance(best, batch.argmax(axis=1))
        waiting = np.concatenate([waiting, batch])
        choices = np.concatenate([choices, chosen])
        path = _trace(np.arange(n_bins), choices)
        n_settled = np.count_nonzero(path >= 0)
        if len(path) - n_settled > PATIENCE:
            path = _trace(best.argmax(keepdims=True), choices)
            n_settled = len(path) - PATIENCE // 2
        yield waiting[:n_settled], path[:n_settled]
        waiting, choices = waiting[n_settled:], choices[n_settled:]
    last = score.argmax(keepdims=True)
    yield waiting, np.append(_trace(last, choices[:-1]), last)


def _advance(best, loudest):
    """Advance the best paths by one step per frame.

    Args:
      best: (n_bins,), log probability of the best path that arrives at each state.
      loudest: (n,), the strongest bin of each frame.

    Returns:
      score: (n_bins,), log probability of the best path that ends at each state in the last frame.
      best: (n_bins,), as above, one frame after the last.
      choices: (n, n_bins) uint8, the steps taken.
    """
    n_bins = len(best)
    log_step, log_other, log_self = _model(n_bins)
    padded = np.full(n_bins + 2 * (REACH - 1), -np.inf)
    score = padded[REACH - 1 : 1 - REACH]
    reachable = np.lib.stride_tricks.sliding_window_view(padded, len(_STEPS))
    choices = np.empty((len(loudest), n_bins), np.uint8)
    bins = np.arange(n_bins)
    for t, here in enumerate(loudest):
        # Summed in the same order as hmmlearn, because rounding errors decide ties.
        score[:] = best + log_other
        score[here] = best[here] + log_self
        candidates = reachable + log_step
        # Ties are common, and hmmlearn, which `crepe` uses, chooses the highest state.
        choices[t] = len(_STEPS) - 1 - candidates[:, ::-1].argmax(axis=1)
        best = candidates[bins, choices[t]]
    return score, best, choices


@functools.cache
def _model(n_bins):
    """Return the model's log probabilities.

    Returns:
      log_step: (n_bins, 23), of a step from state j + _STEPS[k] to state j.
      log_other: of a given bin other than the state's own.
      log_self: of the state's own bin.
    """
    bins = np.arange(n_bins)
    origins = bins[:, None] + _STEPS
    inside = (origins >= 0) & (origins < n_bins)
    transition = np.maximum(REACH - np.abs(bins[:, None] - bins), 0.0)
    transition /= transition.sum(axis=1, keepdims=True)
    log_step = np.full(origins.shape, -np.inf)
    log_step[inside] = np.log(transition[origins.clip(0, n_bins - 1), bins[:, None]][inside])
    log_other = np.log((1 - SELF_EMISSION) / n_bins)
    log_self = np.log(SELF_EMISSION + (1 - SELF_EMISSION) / n_bins)
    return log_step, log_other, log_self


def _trace(states, choices):
    """Return the path (n,) that all of the states share, with -1 where they differ."""
    path = np.full(len(choices), -1)
    for t in reversed(range(len(choices))):
        states = states + _STEPS[choices[t, states]]
        if (states == states[0]).all():
            states = states[:1]
            path[t] = states[0]
    return path
