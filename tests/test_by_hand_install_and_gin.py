"""What notebook 01_install_and_gin writes out by hand is what gin does."""

import ast
import inspect

from ddsp_course.exercises import _gin, gin_config

NOTEBOOK = "01_install_and_gin"


def play(f0_hz=440.0, slope=1.0):
    return f0_hz, slope


def test_bindings_reach_a_function_as_through_gin(written_out):
    configurable, parse = written_out(NOTEBOOK, "configurable", "parse")
    room = parse.__globals__
    room.update(ast=ast, inspect=inspect, table={})
    gin = _gin.of_its_own()
    ours, theirs = configurable(play), gin.configurable(play)
    text = "play.f0_hz = 165  # hertz\nplay.slope = 1.8\nplay.slope = 2"
    parse(text)
    gin.parse_config(text)
    for call in (lambda f: f(), lambda f: f(110), lambda f: f(slope=3), lambda f: f(110, 3)):
        assert call(ours) == call(theirs)


def test_rule_of_scopes_is_gins():
    for table, scope, name in gin_config._tables():
        gin = _gin.of_its_own()

        def note(f0_hz=-1.0, slope=-1.0):
            return {"note.f0_hz": f0_hz, "note.slope": slope}

        def pluck(decay=-1.0):
            return {"pluck.decay": decay}

        asked = {"note": gin.configurable(note), "pluck": gin.configurable(pluck)}
        gin.parse_config([f"{key} = {value}" for key, value in table.items()])
        with gin.config_scope(scope or None):
            theirs = asked[name.split(".")[0]]()[name]
        assert gin_config._gins_rule(table, scope, name, -1.0) == theirs
