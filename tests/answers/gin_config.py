ORGAN = "the organ, with the flute's pitch and vibrato"
HEARD = {"A": "no function", "B": "nothing", "C": "no scope", "D": "not cleared"}
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


def inner_first(table, scope, name, default):
    while scope:
        if f"{scope}/{name}" in table:
            return table[f"{scope}/{name}"]
        scope = scope.rpartition("/")[0]
    return table.get(name, default)


def by_gin(table, scope, name, default):
    """Ask gin itself."""
    from ddsp_course.exercises import _gin

    gin = _gin.of_its_own()

    @gin.configurable
    def note(f0_hz=default, slope=default):
        return {"note.f0_hz": f0_hz, "note.slope": slope}

    @gin.configurable
    def pluck(decay=default):
        return {"pluck.decay": decay}

    gin.parse_config("\n".join(f"{key} = {value}" for key, value in table.items()))
    with gin.config_scope(scope or None):
        return {"note": note, "pluck": pluck}[name.split(".")[0]]()[name]


def partly(table, scope, name, default):
    return table.get(f"{scope}/{name}", default)


def last_part(table, scope, name, default):
    parts = scope.split("/")
    for i in range(len(parts) + 1):
        key = "/".join([*parts[i:], name])
        if key in table:
            return table[key]
    return default


def outer_first(table, scope, name, default):
    parts = scope.split("/")
    for i in range(1, len(parts) + 1):
        if "/".join([*parts[:i], name]) in table:
            return table["/".join([*parts[:i], name])]
    return table.get(name, default)


def right():
    """{exercise: [answers that are right, though written in another way than the solution]}."""
    return {
        "plucked": [
            (
                "low = 220.0\nnote.f0_hz = %low\nnote.seconds = 0.5\nnote.envelope = @pluck\n"
                "pluck.decay = 0.1\nnote.slope = 2"
            ),
            [
                "note.f0_hz = 220",
                "note.seconds = 0.5",
                "note.envelope = @pluck",
                "pluck.decay = 0.1",
                "note.level = 0.2",
            ],
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
        "leak": [ORGAN, ORGAN.upper()],
        "look_up": [inner_first, by_gin],
        "faults": [HEARD, {name: word.replace(" ", "_") for name, word in HEARD.items()}],
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
            (plucked + "\nnote.level = 0.0", "it is silent"),
            (plucked + "\nnote.harmonics = 0", "it is silent"),
            (plucked + "\nnote.level = 30", "it clips"),
            (plucked + "\nnote.vibrato_cents = 1200", "a siren"),
            (
                plucked + "\nnote.level = 0.0\nnote.harmonics = 0\nnote.vibrato_cents = 1200",
                "it is silent",
            ),
            (plucked.replace("@pluck", "pluck"), "none of them"),
            (plucked.replace("220", "440/2"), "no arithmetic"),
            (plucked.replace(" = ", ": "), "no arithmetic"),
            (220, "should be a text"),
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
                "reads high/signal, which nothing",
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
            (GROUP.replace("'fifth_hz'", "'fifth'"), "nothing before it has written"),
            (GROUP.replace("Harmonic(), [", "Harmonic, ["), "no parentheses"),
            (GROUP.replace("ProcessorGroup.dag", "dag"), "no processors"),
        ],
        "leak": [
            ("the organ", "leaves all others"),
            ("the flute", "the later one wins"),
            ("nothing: an error", "is not an error"),
            ("organ", "among the words"),
        ],
        "look_up": [
            (partly, "the whole scope alone"),
            (lambda table, scope, name, default: table.get(name, default), "never looks"),
            (lambda table, scope, name, default: default, "always returns the default"),
            (
                lambda table, scope, name, default: table.get(
                    name, inner_first(table, scope, name, default)
                ),
                "without a scope wins",
            ),
            (outer_first, "the outer scope wins"),
            (last_part, "by itself"),
            (
                lambda table, scope, name, default: inner_first(table, scope, name, 0) or default,
                "in the scope",
            ),
            (lambda table, scope, name, default: table[f"{scope}/{name}"], "KeyError"),
            (lambda table, name: table[name], "TypeError"),
            ({"note.slope": 2.0}, "should be a function"),
        ],
        "faults": [
            (HEARD | {"A": "nothing"}, "does not sound like the text"),
            (HEARD | {"B": "no function"}, "bright"),
            (HEARD | {"C": "no function"}, "only one pitch"),
            (HEARD | {"D": "no scope"}, "there are two"),
            (HEARD | {"D": ...}, "three dots"),
            (HEARD | {"A": "not cleared"}, "does not mention"),
            (["no function"], "a dictionary"),
        ],
    }
