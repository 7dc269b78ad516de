import numpy as np


def right():
    """{exercise: [answers that are right, though written in another way than the solution]}."""
    return {
        "before": ["The melody, with a strange timbre", "the_melody, with a strange timbre"],
        "recordings": [
            {"A": "Echo", "B": "two_notes_at_once", "C": "USABLE", "D": "noise", "E": " clipping"},
        ],
        "epochs": [15.625, 16, [15.6], 2000 / 128],
        "stop_at": [
            lambda steps, train_loss, held_out_loss: min(
                zip(held_out_loss, steps, strict=True), key=lambda pair: pair[0]
            )[1],
            lambda steps, train_loss, held_out_loss: [steps[np.argmin(held_out_loss)]],
            lambda steps, train_loss, held_out_loss: float(steps[held_out_loss.argmin()]),
        ],
    }


def wrong():
    """{exercise: [(plausible wrong answer, words of the hint that fits it)]}."""
    takes = right()["recordings"][0]
    return {
        "before": [
            ("silence", "not zero"),
            ("noise", "where does the pitch come from"),
            ("one steady note", "straight to"),
            ("the clarinet", "ten steps"),
            ("a buzz", "not among the words"),
            (3, "of type int"),
        ],
        "recordings": [
            ({**takes, "A": "usable"}, "rings on"),
            ({**takes, "A": "two notes at once"}, "the room"),
            ({**takes, "A": "noise"}, "nothing hisses"),
            ({**takes, "B": "echo"}, "another tune"),
            ({**takes, "C": "clipping"}, "no peak is cut off"),
            ({**takes, "D": "usable"}, "hisses at all times"),
            ({**takes, "E": "usable"}, "rasps"),
            ({**takes, "E": "noise"}, "nothing hisses"),
            ({"A": "echo"}, "says nothing about 'B'"),
            ("echo", "a dictionary"),
        ],
        "epochs": [
            (500 / 128, "one example a step"),
            (2000, "repeats included"),
            (32, "steps one epoch takes"),
            (128 / 2000, "other way round"),
            (31.25, "lasts a second"),
            (500, "divide by 128"),
            ("16", "text"),
        ],
        "stop_at": [
            (lambda steps, train_loss, held_out_loss: steps[-1], "on to the end"),
            (lambda steps, train_loss, held_out_loss: steps[train_loss.argmin()], "on to the end"),
            (
                lambda steps, train_loss, held_out_loss: steps[
                    (held_out_loss - train_loss).argmin()
                ],
                "closest",
            ),
            (
                lambda steps, train_loss, held_out_loss: held_out_loss.argmin(),
                "index into the array",
            ),
            (lambda steps, train_loss, held_out_loss: held_out_loss.min(), "lowest loss"),
            (lambda steps, train_loss, held_out_loss: 700, "too soon"),
            (lambda steps, train_loss, held_out_loss: 777, "no loss was measured"),
            (lambda steps, train_loss, held_out_loss: steps[3], "too soon"),
            (lambda steps, train_loss, held_out_loss: steps[-2], "too late"),
            (
                # The first step at which it does not fall: the first wobble ends it.
                lambda steps, train_loss, held_out_loss: steps[
                    np.flatnonzero(np.append(np.diff(held_out_loss), 1) > 0)[0]
                ],
                "too soon",
            ),
            (lambda steps: steps[-1], "TypeError"),
            (700, "should be a function"),
        ],
    }
