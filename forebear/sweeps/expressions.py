"""Expressions over parameters, such as ``batch_size * 2 <= hidden``: read, checked and computed without `eval`.

What may be written: names of parameters (dotted for nested ones, ``params["a-b"]`` for names that are no words),
numbers, texts, ``True``, ``False`` and ``None``, lists of them, ``+ - * / // % **``, comparisons, ``in``, ``and``,
``or``, ``not``, ``x if condition else y``, and the functions of `FUNCTIONS`. Nothing else is reachable from it.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from forebear.errors import InvalidInput

#: What an expression may call.
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": abs,
    "min": min,
    "max": max,
    "round": round,
    "int": int,
    "float": float,
    "len": len,
    "sqrt": math.sqrt,
    "log": math.log,
    "log2": math.log2,
    "log10": math.log10,
    "exp": math.exp,
}
#: Name by which parameters are found that are no words.
PARAMS = "params"
MAX_CHARS = 1_000
#: Larger powers, products of texts and the like would take memory and time without end.
_MAX_BITS = 4_096

Values = Mapping[str, Any]
_Computed = Callable[[Values], Any]


class Expression(NamedTuple):
    """A checked expression: its text, the parameters it speaks of, and how it is computed from their values."""

    text: str
    names: frozenset[str]
    compute: _Computed

    def holds(self, values: Values) -> bool:
        """Whether it is true of these values.

        Raises:
            InvalidInput: it cannot be computed from them, such as a text that is divided.
        """
        try:
            return bool(self.compute(values))
        except (ArithmeticError, TypeError, ValueError) as err:
            shown = ", ".join(f"{name}={values.get(name)!r}" for name in sorted(self.names))
            raise InvalidInput(
                f"{self.text!r} cannot be computed for {shown}: {err}", code="invalid-expression"
            ) from err


def expression(text: object, where: str) -> Expression:
    """Read an expression; ``where`` is the path of its key, for messages.

    Raises:
        InvalidInput: it is no text, is not well formed, or uses what may not be used.
    """
    if not isinstance(text, str) or not text.strip():
        raise InvalidInput(f"{where}: {text!r} is no expression; write one such as 'a * 2 <= b'", code="invalid-sweep")
    if len(text) > MAX_CHARS:
        raise _refused(where, text[:40] + "…", f"it has {len(text)} characters; at most {MAX_CHARS} are allowed")
    reader = _Reader(where, text)
    try:
        tree = ast.parse(text.strip(), mode="eval")
        compute = reader.read(tree.body)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as err:
        if isinstance(err, InvalidInput):
            raise
        raise _refused(where, text, getattr(err, "msg", None) or str(err)) from err
    return Expression(text, frozenset(reader.names), compute)


def _refused(where: str, text: str, why: str) -> InvalidInput:
    return InvalidInput(f"{where}: {text!r} cannot be read: {why}", code="invalid-expression")


def _power(base: Any, exponent: Any) -> Any:
    if isinstance(base, int) and isinstance(exponent, int) and base.bit_length() * abs(exponent) > _MAX_BITS:
        raise ValueError(f"a power of more than {_MAX_BITS} bits")
    return base**exponent


def _product(left: Any, right: Any) -> Any:
    if not isinstance(left, (int, float)) or not isinstance(right, (int, float)):
        raise TypeError("only numbers are multiplied")
    return left * right


def _remainder(left: Any, right: Any) -> Any:
    if isinstance(left, str):  # would format it
        raise TypeError("only numbers have a remainder")
    return left % right


_BINARY: dict[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: _product,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: _remainder,
    ast.Pow: _power,
}
_UNARY: dict[type[ast.AST], Callable[[Any], Any]] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Not: operator.not_,
}
_COMPARE: dict[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda item, items: item in items,
    ast.NotIn: lambda item, items: item not in items,
    ast.Is: lambda one, other: one is other if other is None else one == other,
    ast.IsNot: lambda one, other: one is not other if other is None else one != other,
}


class _Reader:
    """Turns a syntax tree into functions, one a node, and notes the names of parameters."""

    def __init__(self, where: str, text: str) -> None:
        self._where, self._text = where, text
        self.names: set[str] = set()

    def read(self, node: ast.expr) -> _Computed:
        method = _READERS.get(type(node))
        if method is None:
            raise self._refuse(f"{type(node).__name__} is not allowed there")
        computed: _Computed = method(self, node)
        return computed

    def _refuse(self, why: str) -> InvalidInput:
        return _refused(self._where, self._text, why)

    def constant(self, node: ast.Constant) -> _Computed:
        value = node.value
        if value is not None and not isinstance(value, (bool, int, float, str)):
            raise self._refuse(f"{value!r} is no number and no text")
        return lambda _: value

    def name(self, node: ast.expr) -> _Computed:
        name = self._name_of(node)
        self.names.add(name)
        return operator.itemgetter(name)

    def _name_of(self, node: ast.expr) -> str:
        if isinstance(node, ast.Attribute):
            return f"{self._name_of(node.value)}.{node.attr}"
        if not isinstance(node, ast.Name):
            raise self._refuse("a dot stands between names of parameters alone")
        if node.id in FUNCTIONS or node.id == PARAMS:
            raise self._refuse(
                f"{node.id} is not the name of a parameter here; one of that name is params['{node.id}']"
            )
        return node.id

    def subscript(self, node: ast.Subscript) -> _Computed:
        if not isinstance(node.value, ast.Name) or node.value.id != PARAMS:
            raise self._refuse(f"brackets stand behind {PARAMS} alone")
        if not isinstance(node.slice, ast.Constant) or not isinstance(node.slice.value, str):
            raise self._refuse(f"in the brackets of {PARAMS} stands the name of a parameter, in quotes")
        self.names.add(node.slice.value)
        return operator.itemgetter(node.slice.value)

    def items(self, node: ast.List | ast.Tuple | ast.Set) -> _Computed:
        items = [self.read(item) for item in node.elts]
        return lambda values: [item(values) for item in items]

    def both(self, node: ast.BoolOp) -> _Computed:
        parts = [self.read(part) for part in node.values]
        if isinstance(node.op, ast.And):
            return lambda values: all(part(values) for part in parts)
        return lambda values: any(part(values) for part in parts)

    def binary(self, node: ast.BinOp) -> _Computed:
        operation = _BINARY.get(type(node.op))
        if operation is None:
            raise self._refuse(f"{type(node.op).__name__} is not allowed")
        left, right = self.read(node.left), self.read(node.right)
        return lambda values: operation(left(values), right(values))

    def unary(self, node: ast.UnaryOp) -> _Computed:
        operation = _UNARY.get(type(node.op))
        if operation is None:
            raise self._refuse(f"{type(node.op).__name__} is not allowed")
        operand = self.read(node.operand)
        return lambda values: operation(operand(values))

    def compare(self, node: ast.Compare) -> _Computed:
        terms = [self.read(term) for term in (node.left, *node.comparators)]
        operations = [_COMPARE[type(op)] for op in node.ops]
        if len(operations) == 1:
            (left, right), (operation,) = terms, operations
            return lambda values: operation(left(values), right(values))

        def chain(values: Values) -> bool:
            found = [term(values) for term in terms]
            return all(op(a, b) for op, a, b in zip(operations, found, found[1:], strict=False))

        return chain

    def choice(self, node: ast.IfExp) -> _Computed:
        test, yes, no = self.read(node.test), self.read(node.body), self.read(node.orelse)
        return lambda values: yes(values) if test(values) else no(values)

    def call(self, node: ast.Call) -> _Computed:
        if not isinstance(node.func, ast.Name) or node.func.id not in FUNCTIONS:
            raise self._refuse(f"only {', '.join(FUNCTIONS)} can be called")
        if node.keywords or any(isinstance(arg, ast.Starred) for arg in node.args):
            raise self._refuse("functions take plain arguments alone")
        function, args = FUNCTIONS[node.func.id], [self.read(arg) for arg in node.args]
        return lambda values: function(*[arg(values) for arg in args])


_READERS: dict[type[ast.expr], Callable[[_Reader, Any], _Computed]] = {
    ast.Constant: _Reader.constant,
    ast.Name: _Reader.name,
    ast.Attribute: _Reader.name,
    ast.Subscript: _Reader.subscript,
    ast.List: _Reader.items,
    ast.Tuple: _Reader.items,
    ast.Set: _Reader.items,
    ast.BoolOp: _Reader.both,
    ast.BinOp: _Reader.binary,
    ast.UnaryOp: _Reader.unary,
    ast.Compare: _Reader.compare,
    ast.IfExp: _Reader.choice,
    ast.Call: _Reader.call,
}
