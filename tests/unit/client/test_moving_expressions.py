"""Template expressions: quoting, calls, members, and what is refused."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.client.errors import ExpressionError
from services.client.moving.expressions import (
    Expression,
    escape,
    evaluate,
    is_expression,
    parse,
    quote,
    unescape,
)
from services.client.moving.functions import FUNCTIONS

TEXTS = st.text(alphabet=st.one_of(st.sampled_from("'[](),.{}\"\\ "), st.characters(exclude_categories=["Cs"])))


def parsed_or_refused(text: str) -> Expression | str:
    """Return the tree of an expression, or why it has none."""
    try:
        return parse(text)
    except ExpressionError as refusal:
        return refusal.message


def value(expression: str) -> object:
    return evaluate(parse(expression), FUNCTIONS)


@given(TEXTS)
@example("it's")
@example("''")
@example("')]")
def test_whatever_is_quoted_comes_back(text: str) -> None:
    assert value(f"[{quote(text)}]") == text


@given(st.lists(TEXTS, min_size=1))
def test_quoted_texts_do_not_run_into_each_other(texts: list[str]) -> None:
    assert value(f"[concat({', '.join(map(quote, texts))})]") == "".join(texts)
    assert value(f"[createArray({','.join(map(quote, texts))})]") == texts


@given(TEXTS)
@example("[")
@example("[]")
@example("[[x]")
@example("[concat('a')]")
def test_an_escaped_text_is_no_expression_and_comes_back(text: str) -> None:
    assert not is_expression(escape(text))
    assert unescape(escape(text)) == text


@given(st.text(alphabet="'[](),.ab1- \n", max_size=30))
def test_any_text_is_read_or_refused_as_an_expression(inner: str) -> None:
    outcome = parsed_or_refused(text := f"[{inner}]")
    assert isinstance(outcome, Expression) or outcome.startswith(f"{text}: ")


@pytest.mark.parametrize("text", ["plain", "", "[", "[open", "closed]", "[[literal]", "x [a]", "[a] x"])
def test_only_a_text_within_single_brackets_is_an_expression(text: str) -> None:
    assert not is_expression(text)


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        ("['text']", "text"),
        ("[ 42 ]", 42),
        ("[-1]", -1),
        ("[ toLower ( 'ABC' ) ]", "abc"),
        ("[TOLOWER('ABC')]", "abc"),
        ("[createObject('Name', 'x').name]", "x"),
        ("[createArray('a', createArray('b', 'c'))[1][0]]", "b"),
        ("[json('{\"a\": [1, {\"b\": true}]}')['a'][1].b]", True),
        ("[if(equals(1, 1), 'yes', createArray()[5])]", "yes"),
        ("[if(false(), createArray()[5], 'no')]", "no"),
    ],
)
def test_expressions_have_values(expression: str, result: object) -> None:
    assert value(expression) == result


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("[concat('a']", "ends too early"),
        ("[concat('a]", "cannot be read"),
        ("[concat('a' 'b')]", "',' is missing before"),
        ("['a' 'b']", "one too many"),
        ("[concat('a',)]", "stands where a value is needed"),
        ("[name]", "is no function call"),
        ('[concat("a")]', "texts stand in single quotes"),
        ("[]", "ends too early"),
        (f"[{'concat(' * 60}'a'{')' * 60}]", "nested too deeply"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_expression(expression: str, why: str) -> None:
    with pytest.raises(ExpressionError) as refusal:
        parse(expression)
    assert refusal.value.message.startswith(expression)
    assert why in refusal.value.message


def test_if_takes_a_truth_and_two_values() -> None:
    for expression in ("[if(true(), 'a')]", "[if('true', 'a', 'b')]"):
        with pytest.raises(ValueError, match=r"if\(\)"):
            value(expression)


def test_an_unknown_function_is_refused_with_the_nearest_known() -> None:
    with pytest.raises(ValueError, match=r"toLowr\(\) is not known here; did you mean tolower\(\)".lower()):
        value("[toLowr('A')]")
    with pytest.raises(ValueError, match=r"listkeys\(\) is not known here; write its value in its place"):
        value("[listKeys('x', '2015-01-01')]")
