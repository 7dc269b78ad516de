GROUP = """
ProcessorGroup.dag = [
    (@low/synths.Harmonic(), ['amps', 'harmonic_distribution', 'f0_hz']),
    (@high/synths.Harmonic(), ['amps', 'harmonic_distribution', 'fifth_hz']),
    (@processors.Add(), ['low/signal', 'high/signal'])]
Harmonic.n_samples = 16000
low/Harmonic.name = 'low'
high/Harmonic.name = 'high'
"""
CHORD = """
length = 2.0
chord.voices = [@a/note, @b/note, @c/note]
note.seconds = %length
a/note.f0_hz = 220
b/note.f0_hz = 275
c/note.f0_hz = 330
"""


def right():
    """{exercise: [answers that are right, though written in another way than the solution]}."""
    return {
        "plucked": [
            (
                "low = 220.0\nnote.f0_hz = %low\nnote.seconds = 0.5\nnote.envelope = @pluck\n"
                "pluck.decay = 0.1\nnote.slope = 2"
            ),
        ],
        "chord": [
            (
                "chord.voices = (@c/note, @b/note, @a/note)\nall = 2\na/note.f0_hz = 330.0\n"
                "b/note.f0_hz = 275.0\nc/note.f0_hz = 220.0\na/note.seconds = %all\n"
                "b/note.seconds = %all\nc/note.seconds = %all"
            ),
        ],
        "two_oscillators": [
            GROUP.replace("Harmonic.n_samples = 16000", "n = 16000\nHarmonic.n_samples = %n"),
            GROUP.replace("'low'", "'root'").replace("low/signal", "root/signal"),
        ],
    }


def wrong():
    """{exercise: [(plausible wrong answer, words of the hint that fits it)]}."""
    plucked = "note.f0_hz = 220\nnote.seconds = 0.5\nnote.envelope = @pluck\npluck.decay = 0.1"
    return {
        "plucked": [
            ("f0_hz = 220", "as if there were no text"),
            (plucked.replace("220", "880"), "2 octaves too high"),
            (plucked.replace("@pluck", "@pluck()"), "without them"),
            (plucked.replace("@pluck", "'pluck'"), "begins with @"),
            (plucked.replace("@pluck", "@swell"), "it swells"),
            (plucked.replace("pluck.decay = 0.1", ""), "rings too long"),
            (plucked.replace("seconds = 0.5", "seconds = 500"), "it lasts 500 s"),
            (plucked.replace("note.envelope = @pluck\n", ""), "no envelope"),
            (plucked.replace("note.f0_hz", "note.pitch"), "gin says"),
            (plucked.replace("220", "'A3'"), "not a number"),
            (220, "a text is asked for"),
        ],
        "chord": [
            (CHORD.replace("%length", "2.0"), "no macro sets the length"),
            (CHORD.replace("275", "277.18"), "tempered third"),
            (CHORD.replace("@a/note, @b/note, @c/note", "@note, @note, @note"), "all three voices"),
            (CHORD.replace("@a/note, ", ""), "2 of the 3 voices"),
            (CHORD.replace("note.seconds = %length", "a/note.seconds = %length"), "end together"),
            (CHORD.replace("length = 2.0", "length = 1.5"), "it lasts 1.5 s"),
            (CHORD.replace("@", "%"), "gin says"),
            ("length = 2.0\nnote.seconds = %length", "it is silent"),
            (CHORD.replace("[@a/note, @b/note, @c/note]", "[220, 275, 330]"), "not a function"),
        ],
        "two_oscillators": [
            (
                GROUP.replace("high/Harmonic.name = 'high'", "high/Harmonic.name = 'low'"),
                "reads high/signal, which nobody",
            ),
            (
                GROUP.replace("low/Harmonic.name = 'low'", "")
                .replace("high/Harmonic.name = 'high'", "")
                .replace("low/signal", "harmonic/signal")
                .replace("high/signal", "harmonic/signal"),
                "fifth alone, and twice as loud",
            ),
            (GROUP.replace("Harmonic.n_samples = 16000", ""), "it lasts 4 s"),
            (GROUP.replace("'fifth_hz'", "'f0_hz'"), "no fifth"),
            (GROUP.replace("'fifth_hz'", "'fifth'"), "nobody has written before it"),
            (GROUP.replace("Harmonic(), [", "Harmonic, ["), "without parentheses"),
            (GROUP.replace("ProcessorGroup.dag", "dag"), "no processors"),
        ],
    }
