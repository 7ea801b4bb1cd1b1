"""Command lines of trials: words in which macros stand for the parameters.

A command is a list of words and stays one. No shell ever reads it, so a value is one argument (or the end of one),
whatever characters it has.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from forebear.errors import InvalidInput
from forebear.sweeps.keys import below, refused

#: What is executed where a declaration has a program and no command.
DEFAULT_COMMAND = ("${env}", "${interpreter}", "${program}", "${args}")
_MACRO = re.compile(r"\$\{([^${}]*)\}")
_VARIABLE = "envvar:"
#: What Hydra takes for a text without quotes, unless it is a word that means something else.
_HYDRA_PLAIN = re.compile(r"[A-Za-z_][\w./:-]*", re.ASCII)
_HYDRA_WORDS = frozenset({"true", "false", "null", "nan", "inf"})


class Call(NamedTuple):
    """What macros stand for in the command of one trial.

    Attributes:
        params: Its parameters; those of a group are nested.
        program: File to run; ``None`` where the declaration names none.
        interpreter: What runs the program.
        environment: Variables for ``${envvar:NAME}``.
        json_file: Writes a text to a file of the trial and returns the path.
    """

    params: Mapping[str, Any]
    program: str | None
    interpreter: str
    environment: Mapping[str, str]
    json_file: Callable[[str], str]


def flat(params: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Yield parameters with their dotted names."""
    for key, value in params.items():
        name = below(above, key)
        if isinstance(value, Mapping):
            yield from flat(value, name)
        else:
            yield name, value


def _args(call: Call) -> list[str]:
    return [f"--{name}={value}" for name, value in flat(call.params)]


def _args_no_equals(call: Call) -> list[str]:
    return [word for name, value in flat(call.params) for word in (f"--{name}", str(value))]


def _args_no_hyphens(call: Call) -> list[str]:
    return [f"{name}={value}" for name, value in flat(call.params)]


def _args_no_boolean_flags(call: Call) -> list[str]:
    words = []
    for name, value in flat(call.params):
        if not isinstance(value, bool):
            words.append(f"--{name}={value}")
        elif value:
            words.append(f"--{name}")
    return words


def _args_append_hydra(call: Call) -> list[str]:
    return [f"+{name}={_hydra(value)}" for name, value in flat(call.params)]


def _hydra(value: Any) -> str:
    """Return a value as Hydra's grammar of overrides writes it, so that it stays the value that it is."""
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, (list, tuple)):
        return f"[{','.join(map(_hydra, value))}]"
    if not isinstance(value, str):
        return str(value)
    if _HYDRA_PLAIN.fullmatch(value) and value.lower() not in _HYDRA_WORDS:
        return value
    # A backslash counts only before a quote there, so those that stand before one are doubled, and no others.
    inner = re.sub(r"(\\*)'", lambda found: found[1] * 2 + r"\'", value)
    inner = re.sub(r"(\\+)$", lambda found: found[1] * 2, inner)
    return f"'{inner}'"


def _args_json(call: Call) -> list[str]:
    return [json.dumps(call.params)]


def _args_json_file(call: Call) -> list[str]:
    return [call.json_file(json.dumps(call.params))]


def _program(call: Call) -> list[str]:
    if call.program is None:
        raise refused("program", "it is missing, and the command needs it")
    return [call.program]


#: Macros that are one word, which may have text around it.
_SINGLE: dict[str, Callable[[Call], list[str]]] = {
    "env": lambda call: ["/usr/bin/env"],
    "interpreter": lambda call: [call.interpreter],
    "program": _program,
    "args_json": _args_json,
    "args_json_file": _args_json_file,
}
#: Macros that are any number of words.
_SEVERAL: dict[str, Callable[[Call], list[str]]] = {
    "args": _args,
    "args_no_equals": _args_no_equals,
    "args_no_hyphens": _args_no_hyphens,
    "args_no_boolean_flags": _args_no_boolean_flags,
    "args_append_hydra": _args_append_hydra,
}
MACROS = (*_SINGLE, *_SEVERAL, f"{_VARIABLE}NAME")


def check(words: Iterable[str]) -> None:
    """Refuse a command with macros that are unknown, or that cannot stand where they do.

    Raises:
        InvalidInput: the message names the word.
    """
    for index, word in enumerate(words):
        path = f"command[{index}]"
        whole = _MACRO.fullmatch(word)
        if whole and whole[1] not in {*_SINGLE, *_SEVERAL} and not whole[1].startswith(_VARIABLE):
            allowed = ", ".join(f"${{{name}}}" for name in MACROS)
            raise refused(path, f"there is no macro {word}; there are {allowed}")
        for found in [] if whole else _MACRO.finditer(word):
            if found[1] in _SEVERAL:
                raise refused(path, f"{found[0]} is several words; give it one of its own instead of {word!r}")


def needs_program(words: Iterable[str]) -> bool:
    """Whether a command speaks of the program."""
    return any("${program}" in word for word in words)


def command_line(words: Sequence[str], call: Call) -> list[str]:
    """Return the arguments that a command is for one trial.

    Raises:
        InvalidInput: the program, or a variable of the environment, is missing, or nothing is left to execute.
    """
    line = [argument for word in words for argument in _expanded(word, call)]
    if not line:
        raise refused("command", "it has no word")
    return line


def _expanded(word: str, call: Call) -> list[str]:
    whole = _MACRO.fullmatch(word)
    if whole and whole[1] in _SEVERAL:
        return _SEVERAL[whole[1]](call)
    return [_MACRO.sub(lambda found: _in_a_word(found, call), word)]


def _in_a_word(found: re.Match[str], call: Call) -> str:
    name = found[1]
    if name in _SINGLE:
        return _SINGLE[name](call)[0]
    if not name.startswith(_VARIABLE):
        return found[0]  # perhaps one of a script that is handed to a shell; that shell looks for it
    variable = name.removeprefix(_VARIABLE)
    if variable not in call.environment:
        raise InvalidInput(f"sweep: command: {found[0]}: the variable {variable} is not set", code="variable-not-set")
    return call.environment[variable]
