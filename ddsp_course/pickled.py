"""A pickle, read as data.

A pickle is a program for a small machine: each of its steps is a code that `pickletools` knows,
and some of them call any function of any module. Here the steps that build numbers, texts, lists
and dictionaries are taken, and for a call there is a description of what would have been called.
Explained in notebooks/02_timbre_transfer/05_loading_a_model.ipynb.
"""

import pickletools
import re

import numpy as np


class Unsafe(Exception):
    """The pickle would do more than hold data; the message goes on after its file's name."""


class Description:
    """What a pickle says of an object: the name of its class, its arguments and its state."""

    def __init__(self, name, arguments=()):
        self.name = name
        self.arguments = arguments
        self.state = None


def described(data, names):
    """Return what a pickle holds, with a `Description` for each object; nothing is called.

    Args:
      data: bytes.
      names: compiled pattern that the full name of each class and function in it must match. Each
        stays a name and is never looked up.

    Raises:
      Unsafe: it names something else, or has steps that plain data does not need.
      Exception: it is damaged, of any kind.
    """
    stack, marks, memo = [], [], {}

    def pop(n):
        items = stack[len(stack) - n :]
        del stack[len(stack) - n :]
        return items

    def pop_marked():
        return pop(len(stack) - marks.pop())

    def set_items(dictionary, items):
        for key, value in zip(items[::2], items[1::2], strict=True):
            if not isinstance(key, str):  # to hash a stranger's nested tuple can take for ever
                raise TypeError(f"a key is a {type(key).__name__}")
            dictionary[key] = value

    for opcode, value, _ in pickletools.genops(data):
        match opcode.name:
            case "PROTO" | "FRAME" | "STOP":
                pass
            case "MARK":
                marks.append(len(stack))
            case "POP":
                pop(1)
            case "NONE":
                stack.append(None)
            case "NEWTRUE" | "NEWFALSE":
                stack.append(opcode.name == "NEWTRUE")
            case "EMPTY_TUPLE":
                stack.append(())
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                stack.append(tuple(pop(int(opcode.name[-1]))))
            case "TUPLE":
                stack.append(tuple(pop_marked()))
            case "EMPTY_LIST" | "LIST":
                stack.append(pop_marked() if opcode.name == "LIST" else [])
            case "APPEND" | "APPENDS":
                items = pop(1) if opcode.name == "APPEND" else pop_marked()
                stack[-1].extend(items)
            case "EMPTY_DICT" | "DICT":
                items = pop_marked() if opcode.name == "DICT" else []
                stack.append({})
                set_items(stack[-1], items)
            case "SETITEM" | "SETITEMS":
                items = pop(2) if opcode.name == "SETITEM" else pop_marked()
                set_items(stack[-1], items)
            case "PUT" | "BINPUT" | "LONG_BINPUT":
                memo[value] = stack[-1]
            case "MEMOIZE":
                memo[len(memo)] = stack[-1]
            case "GET" | "BINGET" | "LONG_BINGET":
                stack.append(memo[value])
            case "GLOBAL" | "STACK_GLOBAL":
                name = ".".join(value.split(" ") if value else pop(2))
                if not names.fullmatch(name):
                    raise Unsafe(f"names {name}")
                stack.append(Description(name))
            case "REDUCE" | "NEWOBJ":
                made, arguments = pop(2)
                stack.append(Description(made.name, arguments))
            case "BUILD":
                (state,) = pop(1)
                stack[-1].state = state
            case name if name.startswith(_LITERALS):
                stack.append(value)
            case name:
                raise Unsafe(f"has a step of the kind {name}")
    return stack[-1]


_LITERALS = ("INT", "BININT", "LONG", "FLOAT", "BINFLOAT", "BINBYTES", "SHORT_BINBYTES",
             "BYTEARRAY8", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE")  # fmt: skip


def numbers(described):
    """Return a described number or NumPy array as (n,) float64; damaged ones raise any kind."""
    if isinstance(described, int | float):
        return np.array([described], np.float64)
    match described.name.rpartition(".")[2]:
        case "_reconstruct":
            _, _, dtype, _, data = described.state
        case "_frombuffer":
            data, dtype, _, _ = described.arguments
        case "scalar":
            dtype, data = described.arguments
    kind, byte_order = dtype.arguments[0], dtype.state[1]
    if not re.fullmatch("[fiu][1248]", kind):
        raise ValueError(f"it has an array of the kind {kind}")
    return np.frombuffer(data, byte_order + kind).astype(np.float64)
