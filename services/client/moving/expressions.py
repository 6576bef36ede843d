"""ARM template expressions, `[concat(parameters('x'), '/y')]`: from text to a tree to a value."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import msgspec

from services.client.errors import ExpressionError

Function = Callable[[Sequence[Any]], Any]
"""Takes evaluated arguments; raises ValueError saying what is wrong with them."""

_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<number>-?\d+)|(?P<name>[A-Za-z_][\w]*)|(?P<sign>[(),.\[\]]))", re.ASCII
)
_DEEPEST = 50
"""Python's own stack would give out at a depth that nobody writes by hand."""


class Literal(msgspec.Struct, frozen=True):
    """A text or a number."""

    value: str | int


class Call(msgspec.Struct, frozen=True):
    """A function with its arguments; `name` in lower case, since Azure does not care."""

    name: str
    arguments: tuple["Expression", ...]


class Member(msgspec.Struct, frozen=True):
    """A property of an object or an element of an array."""

    whole: "Expression"
    key: "Expression"


Expression = Literal | Call | Member


def is_expression(text: str) -> bool:
    """Tell whether Azure evaluates this text: it stands in brackets, and they are not doubled."""
    return len(text) > 1 and text[0] == "[" and text[-1] == "]" and text[1] != "["


def unescape(text: str) -> str:
    """Return what a text that is no expression stands for: `[[x]` is `[x]`."""
    return text[1:] if text.startswith("[[") and text.endswith("]") else text


def escape(text: str) -> str:
    """Return `text` so that a template means it literally; the inverse of `unescape`."""
    return f"[{text}" if text.startswith("[") and text.endswith("]") else text


def quote(text: str) -> str:
    """Return `text` as a literal inside an expression."""
    return "'" + text.replace("'", "''") + "'"


def parse(text: str) -> Expression:
    """Return the tree of an expression, brackets included in `text`. Raises ExpressionError."""
    return _Parser(text).parse()


def evaluate(expression: Expression, functions: Mapping[str, Function]) -> Any:
    """Return the value of a tree; `if` evaluates only the branch it takes. Raises ValueError without the text."""
    match expression:
        case Literal(value):
            return value
        case Member(whole, key):
            return _member(evaluate(whole, functions), evaluate(key, functions))
        case Call("if", arguments):
            return _choose(arguments, functions)
        case Call(name, arguments):
            function = functions.get(name)
            if function is None:
                raise ValueError(_unknown(name, functions))
            return function([evaluate(argument, functions) for argument in arguments])


def _choose(arguments: Sequence[Expression], functions: Mapping[str, Function]) -> Any:
    if len(arguments) != 3:
        raise ValueError("if() takes a condition and two values")
    condition = evaluate(arguments[0], functions)
    if not isinstance(condition, bool):
        raise ValueError(f"the condition of if() is {condition!r}, neither true nor false")  # noqa: TRY004 - see Function
    return evaluate(arguments[1 if condition else 2], functions)


def _member(whole: Any, key: Any) -> Any:
    if isinstance(whole, dict) and isinstance(key, str):
        for name, value in whole.items():
            if name.lower() == key.lower():
                return value
    elif isinstance(whole, list) and isinstance(key, int) and 0 <= key < len(whole):
        return whole[key]
    raise ValueError(f"there is no {key!r}")


def _unknown(name: str, functions: Mapping[str, Function]) -> str:
    near = get_close_matches(name, functions, n=1)
    advice = (
        f"did you mean {near[0]}()?" if near else "write its value in its place, or make it a parameter and --set it"
    )
    return f"the function {name}() is not known here; {advice}"


class _Parser:
    """Recursive descent over the tokens of one expression."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(self._read_tokens(text[1:-1]))
        self._at = 0
        self._depth = 0

    def parse(self) -> Expression:
        found = self._expression()
        if self._at < len(self._tokens):
            raise self._fault(f"{self._peek()!r} is one too many")
        return found

    def _read_tokens(self, inner: str) -> Iterator[str]:
        at, end = 0, len(inner.rstrip())
        while at < end:
            token = _TOKEN.match(inner, at)
            if token is None:
                raise self._fault(f"cannot be read from {inner[at:].strip()[:20]!r} on; texts stand in single quotes")
            yield token[token.lastgroup or 0]
            at = token.end()

    def _expression(self) -> Expression:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self._fault("is nested too deeply")
        found = self._member_of(self._simple())
        self._depth -= 1
        return found

    def _simple(self) -> Expression:
        token = self._take()
        if token.startswith("'"):
            return Literal(token[1:-1].replace("''", "'"))
        if token.lstrip("-").isdigit():
            return Literal(int(token))
        if not token[0].isalpha() and token[0] != "_":
            raise self._fault(f"{token!r} stands where a value is needed")
        if self._peek() != "(":
            raise self._fault(f"{token!r} is no function call; texts stand in single quotes")
        return Call(token.lower(), self._arguments())

    def _arguments(self) -> tuple[Expression, ...]:
        self._expect("(")
        found: list[Expression] = []
        while self._peek() != ")":
            if found:
                self._expect(",")
            found.append(self._expression())
        self._expect(")")
        return tuple(found)

    def _member_of(self, whole: Expression) -> Expression:
        while self._peek() in (".", "["):
            if self._take() == ".":
                whole = Member(whole, Literal(self._take()))
            else:
                whole = Member(whole, self._expression())
                self._expect("]")
        return whole

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _take(self) -> str:
        token = self._peek()
        if not token:
            raise self._fault("ends too early")
        self._at += 1
        return token

    def _expect(self, sign: str) -> None:
        token = self._take()
        if token != sign:
            raise self._fault(f"{sign!r} is missing before {token!r}")

    def _fault(self, why: str) -> ExpressionError:
        return ExpressionError(self._text, why)
