"""Expressions: what they compute, and that nothing else can be reached through them."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from forebear.errors import InvalidInput
from forebear.sweeps.expressions import expression

VALUES: dict[str, Any] = {"a": 3, "b": 2.5, "s": "sgd", "opt.lr": 0.1, "deep-er": 7, "flag": True, "none": None}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a * 2 <= 6", True),
        ("a * 2 < b", False),
        ("1 < a <= 3 < 4", True),
        ("1 < a < 3", False),
        ("s == 'sgd' and opt.lr < 1", True),
        ("s in ['adam', 'rmsprop'] or not flag", False),
        ("s not in ('adam',)", True),
        ("params['deep-er'] // 2 == 3", True),
        ("(a if flag else 1 / 0) == 3", True),
        ("-a + +b - a % 2 == -1.5", True),
        ("2 ** a == 8", True),
        ("min(a, b) == b and max(a, 9) == 9 and abs(-a) == 3", True),
        ("log10(1000) == 3 and sqrt(9) == a and len(s) == 3", True),
        ("round(b) == 2 and int(b) == 2 and float(a) == 3.0", True),
        ("none is None and s is not None", True),
        ("a is 3", True),
        ("a != 3", False),
        ("flag", True),
    ],
)
def test_they_say_what_python_would(text: str, value: bool) -> None:
    assert expression(text, "here").holds(VALUES) is value


def test_the_parameters_that_they_speak_of_are_known() -> None:
    read = expression("opt.lr * a < params['deep-er'] + max(b, 1)", "here")
    assert read.names == {"opt.lr", "a", "deep-er", "b"}


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "().__class__.__bases__",
        "a.__class__()",
        "'x'.join(['a'])",
        "[x for x in (1, 2)]",
        "(lambda: 1)()",
        "f'{a}'",
        "b'x' == 1",
        "1j",
        "a := 3",
        "a = 3",
        "open('x')",
        "max",
        "max.lr",
        "params",
        "params[a]",
        "params['a'].lr.x()",
        "s['a']",
        "max(*[1, 2])",
        "max(1, default=2)",
        "a @ b",
        "a << 3",
        "~a",
        "{'a': 1}",
        "...",
        "a +",
        "a b",
        "x" * 1_001,
        "(" * 500 + "1" + ")" * 500,
        "\x00",
        "",
        "  ",
    ],
)
def test_all_else_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="constraints"):
        expression(text, "constraints[0]")


@pytest.mark.parametrize("text", [3, None, ["a < b"], {"a": 1}])
def test_what_is_no_text_is_refused(text: object) -> None:
    with pytest.raises(InvalidInput, match="is no expression"):
        expression(text, "here")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a / 0 > 1", "division"),
        ("a % 0 > 1", "modulo"),
        ("s < 3", "not supported"),
        ("a ** (9 ** 9) > 1", "power of more than"),
        ("9 ** 9999999", "power of more than"),
        ("s * 1000000000 == s", "only numbers are multiplied"),
        ("'%999999999d' % a == s", "only numbers have a remainder"),
        ("sqrt(-1) > 0", "math domain|nonnegative"),
        ("len(a) > 0", "no len"),
        ("exp(1e9) > 0", "range"),
    ],
)
def test_what_cannot_be_computed_names_the_values(text: str, why: str) -> None:
    read = expression(text, "here")
    with pytest.raises(InvalidInput, match=why):
        read.holds(VALUES)


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        read = expression(text, "here")
    except InvalidInput:
        return
    assert read.text == text
