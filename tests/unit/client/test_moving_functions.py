"""What the functions of template expressions give."""

import pytest

from services.client.moving.expressions import evaluate, parse
from services.client.moving.functions import FUNCTIONS


def value(expression: str) -> object:
    return evaluate(parse(f"[{expression}]"), FUNCTIONS)


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        ("concat('a', 1, true())", "a1True"),
        ("concat(createArray(1), createArray('b'))", [1, "b"]),
        ("format('{0}-{1}-{0} {{x}}', 'a', 2)", "a-2-a {x}"),
        ("toUpper(trim('  a '))", "A"),
        ("string(createArray(1, 'a'))", '[1,"a"]'),
        ("string(createObject('a', null()))", '{"a":null}'),
        ("int('42')", 42),
        ("bool('True')", True),
        ("replace('a-b-c', '-', '')", "abc"),
        ("split('a,b;c', createArray(',', ';'))", ["a", "b", "c"]),
        ("join(split('a.b', '.'), '/')", "a/b"),
        ("substring('hello', 1, 3)", "ell"),
        ("substring('hello', 3)", "lo"),
        ("length('abc')", 3),
        ("first(split('a,b', ','))", "a"),
        ("last('abc')", "c"),
        ("first(createArray())", None),
        ("contains('abc', 'b')", True),
        ("contains(createArray(1), 2)", False),
        ("contains(createObject('A', 1), 'a')", True),
        ("startsWith('Hello', 'HE')", True),
        ("endsWith('Hello', 'x')", False),
        ("empty('')", True),
        ("and(true(), not(false()), or(false(), equals('a', 'a')))", True),
        ("coalesce(null(), 'x')", "x"),
        ("array('x')", ["x"]),
        ("add(2, mul(3, sub(5, 1)))", 14),
        ("div(-7, 2)", -3),
        ("mod(-7, 2)", -1),
        ("padLeft('7', 3, '0')", "007"),
        ("base64('abc')", "YWJj"),
        ("uri('http://x.example/a', 'b')", "http://x.example/b"),
        ("uriComponent('a b/c')", "a%20b%2Fc"),
    ],
)
def test_a_function_gives_what_azure_gives(expression: str, result: object) -> None:
    assert value(expression) == result


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("concat(null())", "null is no text"),
        ("concat()", "does not take 0 arguments"),
        ("toLower('a', 'b')", "does not take 2 arguments"),
        ("toLower(createArray('a'))", "is no text"),
        ("format('{0:X}', 1)", "is not supported in format"),
        ("format('{1}', 1)", "has no argument for"),
        ("substring('abc', 2, 5)", "lies outside of"),
        ("add(1, true())", "is no whole number"),
        ("not('maybe')", "neither true nor false"),
        ("div(1, 0)", "divides by nothing"),
        ("json('{')", "was given no JSON"),
        ("createObject('a')", "in pairs"),
        ("join('a', ',')", "is no array"),
        ("padLeft('a', 3, '--')", "one character"),
        ("padLeft('a', 999999999)", "one character"),
        ("createArray(1)[3]", "there is no 3"),
    ],
)
def test_wrong_arguments_are_refused(expression: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        value(expression)


def test_a_text_cannot_grow_without_bound() -> None:
    half = "x" * 200_000
    with pytest.raises(ValueError, match="more than"):
        value(f"concat('{half}', '{half}')")
