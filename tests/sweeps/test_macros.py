"""Command lines of trials: every macro, and values that would like to be more than values."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from forebear.errors import InvalidInput
from forebear.sweeps import macros
from forebear.sweeps.macros import Call, command_line

PARAMS: dict[str, Any] = {
    "lr": 0.1,
    "opt": {"kind": "adam", "betas": [0.9, 0.99]},
    "amp": True,
    "bias": False,
    "x": None,
}
#: Texts that a shell, a parser of options or the macros themselves would take for something else.
HOSTILE = [
    "",
    "a b",
    " a ",
    "$(touch pwned)",
    "`touch pwned`",
    "; touch pwned",
    "| touch pwned &",
    "> pwned",
    "$HOME",
    "~",
    "*",
    "'\"",
    "\\",
    "--help",
    "-",
    "a=b",
    "\n",
    "a\r\nb",
    "\x1b[31m",
    "${args}",
    "${program}",
    "${envvar:HOME}",
    "%s {0} {x}",
    "ü € 😀",
    "a\u2028b",
    "\udcff",
]


def call(params: dict[str, Any] = PARAMS, **changes: Any) -> Call:
    given = {
        "program": "train.py",
        "interpreter": "/bin/python",
        "environment": {"DATA": "/data", "EMPTY": ""},
        "json_file": lambda text: f"<{text}>",
    }
    return Call(params, **(given | changes))


def expanded(*words: str, params: dict[str, Any] = PARAMS) -> list[str]:
    macros.check(words)
    return command_line(words, call(params))


def test_what_is_executed_where_only_a_program_is_named() -> None:
    assert expanded(*macros.DEFAULT_COMMAND, params={"lr": 0.1}) == [
        "/usr/bin/env",
        "/bin/python",
        "train.py",
        "--lr=0.1",
    ]


@pytest.mark.parametrize(
    ("macro", "words"),
    [
        ("args", ["--lr=0.1", "--opt.kind=adam", "--opt.betas=[0.9, 0.99]", "--amp=True", "--bias=False", "--x=None"]),
        (
            "args_no_equals",
            ["--lr", "0.1", "--opt.kind", "adam", "--opt.betas", "[0.9, 0.99]", "--amp", "True", "--bias", "False",
             "--x", "None"],
        ),
        ("args_no_hyphens", ["lr=0.1", "opt.kind=adam", "opt.betas=[0.9, 0.99]", "amp=True", "bias=False", "x=None"]),
        ("args_no_boolean_flags", ["--lr=0.1", "--opt.kind=adam", "--opt.betas=[0.9, 0.99]", "--amp", "--x=None"]),
        (
            "args_append_hydra",
            ["+lr=0.1", "+opt.kind=adam", "+opt.betas=[0.9,0.99]", "+amp=true", "+bias=false", "+x=null"],
        ),
        ("args_json", [json.dumps(PARAMS)]),
        ("args_json_file", [f"<{json.dumps(PARAMS)}>"]),
        ("program", ["train.py"]),
        ("interpreter", ["/bin/python"]),
        ("env", ["/usr/bin/env"]),
        ("envvar:DATA", ["/data"]),
        ("envvar:EMPTY", [""]),
    ],
)  # fmt: skip
def test_every_macro(macro: str, words: list[str]) -> None:
    assert expanded(f"${{{macro}}}") == words
    assert macro.partition(":")[0] in {known.partition(":")[0] for known in macros.MACROS}


def test_macros_within_words() -> None:
    assert expanded("--data=${envvar:DATA}/x", "cfg=${args_json_file}", "${program}.log") == [
        "--data=/data/x",
        f"cfg=<{json.dumps(PARAMS)}>",
        "train.py.log",
    ]


@pytest.mark.parametrize("word", ["$HOME", "${", "}", "$", "$$", "a${HOME}b", "${args", "{args}", "$args"])
def test_words_that_hold_no_macro_stay(word: str) -> None:
    assert expanded(word) == [word]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["x", "${arg}"], r"command\[1\]: there is no macro \$\{arg\}; there are .*\$\{args_json\}"),
        (["${HOME}"], "there is no macro"),
        (["--all=${args}"], r"\$\{args\} is several words; give it one of its own"),
    ],
)
def test_what_cannot_stand_there_is_refused(words: list[str], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        macros.check(words)


def test_what_is_missing_is_named() -> None:
    with pytest.raises(InvalidInput, match="the variable NONE is not set"):
        command_line(["${envvar:NONE}"], call())
    with pytest.raises(InvalidInput, match="program: it is missing"):
        command_line(["${program}"], call(program=None))
    with pytest.raises(InvalidInput, match="it has no word"):
        command_line(["${args}"], call({}))


@pytest.mark.parametrize("value", HOSTILE)
def test_a_value_is_one_argument_whatever_it_is(value: str) -> None:
    params = {"before": 1, "v": value, "after": 2}
    assert expanded("${args}", params=params) == ["--before=1", f"--v={value}", "--after=2"]
    assert expanded("${args_no_hyphens}", params=params) == ["before=1", f"v={value}", "after=2"]
    assert expanded("${args_no_equals}", params=params) == ["--before", "1", "--v", value, "--after", "2"]
    assert expanded("${args_no_boolean_flags}", params=params) == ["--before=1", f"--v={value}", "--after=2"]
    (text,) = expanded("${args_json}", params=params)
    assert json.loads(text) == params
    assert text.isascii()
    assert len(expanded("${args_append_hydra}", params=params)) == 3


@pytest.mark.parametrize("name", ["--x", "a b", "a=b", "$(id)", "${args}"])
def test_names_are_not_obeyed_either(name: str) -> None:
    assert expanded("${args}", params={name: 1}) == [f"--{name}=1"]


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("adam", "adam"),
        ("/data/x.csv", "'/data/x.csv'"),
        ("a/b-c.d:e", "a/b-c.d:e"),
        ("true", "'true'"),
        ("NULL", "'NULL'"),
        ("inf", "'inf'"),
        ("3", "'3'"),
        ("", "''"),
        ("a b", "'a b'"),
        ("it's", r"'it\'s'"),
        ("\\'", r"'\\\''"),
        ("a\\", r"'a\\'"),
        ("a\\b", r"'a\b'"),
        ("${x}", "'${x}'"),
        ("a,b", "'a,b'"),
        ("[a]", "'[a]'"),
        (1e-05, "1e-05"),
        (-3, "-3"),
        ([1, "a b", [True, None]], "[1,'a b',[true,null]]"),
    ],
)
def test_values_stay_what_they_are_for_hydra(value: Any, written: str) -> None:
    assert expanded("${args_append_hydra}", params={"v": value}) == [f"+v={written}"]


def test_only_programs_that_are_spoken_of_are_needed() -> None:
    assert macros.needs_program(["--x=${program}"])
    assert not macros.needs_program(["${args}", "program"])


def test_a_declaration_is_checked(tmp_path: Path) -> None:
    from forebear.sweeps.declaration import declare

    config = {"method": "grid", "parameters": {"x": {"values": [1]}}}
    assert declare(config | {"command": "python 'my file.py' ${args}"}).command == ("python", "my file.py", "${args}")
    assert declare(config | {"command": ["python", 3, "${args}"]}).command == ("python", "3", "${args}")
    for command in ([], [True], [["a"]], {"a": 1}, ["${argv}"], ["a", "x${args}"], 5):
        with pytest.raises(InvalidInput, match="command"):
            declare(config | {"command": command})
