"""Flags before variables before the context before the default; a token goes nowhere but where it belongs."""

from pathlib import Path

import click
import pytest

from services.client.contexts import Config, ConfigError, Context
from services.client.forms import Format
from services.client.places import DEFAULT_URL, Given, Place, from_environment, resolve

PROD = Context(url="https://prod:8443", token_file="prod.token", ca="prod.pem", output=Format.WIDE)
TEST = Context(url="http://test:8080")
CONFIG = Config(current="prod", contexts={"prod": PROD, "test": TEST})


def place(flags: Given | None = None, config: Config = CONFIG, **variables: str) -> Place:
    return resolve(flags or Given(), from_environment(variables), config)


def test_nothing_given_is_this_machine() -> None:
    assert place(config=Config()) == Place(url=DEFAULT_URL, origin=None)


def test_the_current_context_says_all_that_nobody_else_says() -> None:
    found = place()
    assert (found.url, found.token_file, found.ca) == ("https://prod:8443", "prod.token", Path("prod.pem"))
    assert (found.output, found.origin) == (Format.WIDE, "context prod")


def test_a_variable_goes_before_the_current_context_and_a_flag_before_both() -> None:
    assert place(LEEWARD_URL="http://other").origin == "LEEWARD_URL"
    assert place(Given(url="http://mine"), LEEWARD_URL="http://other").url == "http://mine"
    assert place(LEEWARD_OUTPUT="json").output is Format.JSON
    assert place(Given(output=Format.YAML), LEEWARD_OUTPUT="json").output is Format.YAML


def test_a_context_named_by_a_flag_goes_before_variables_and_one_named_by_a_variable_does_not() -> None:
    assert place(Given(context="test"), LEEWARD_URL="http://other").url == "http://test:8080"
    assert place(LEEWARD_CONTEXT="test").url == "http://test:8080"
    assert place(LEEWARD_CONTEXT="test", LEEWARD_URL="http://other").url == "http://other"
    assert place(Given(context="prod"), LEEWARD_CONTEXT="test").url == "https://prod:8443"


def test_a_contexts_token_and_authority_go_to_its_own_address_only() -> None:
    for found in (place(Given(url="http://evil")), place(LEEWARD_URL="http://evil"), place(Given(context="test"))):
        assert (found.token_file, found.token, found.ca) == (None, "", None)


def test_a_token_of_the_moment_goes_before_that_of_the_current_context() -> None:
    assert place(LEEWARD_TOKEN="lwd_1").token == "lwd_1"
    assert place(LEEWARD_TOKEN="lwd_1", LEEWARD_TOKEN_FILE="mine").token_file == "mine"
    assert place(Given(token_file="here"), LEEWARD_TOKEN="lwd_1").token_file == "here"
    assert place(Given(context="prod"), LEEWARD_TOKEN="lwd_1").token_file == "prod.token"


def test_empty_variables_say_nothing() -> None:
    found = place(config=Config(), LEEWARD_URL="", LEEWARD_TOKEN="", LEEWARD_CONTEXT="", LEEWARD_OUTPUT="")
    assert found == Place()


def test_an_unknown_context_is_told_with_those_there_are() -> None:
    with pytest.raises(ConfigError, match="LEEWARD_CONTEXT: there is no context 'prd'; there are prod, test"):
        place(LEEWARD_CONTEXT="prd")
    with pytest.raises(ConfigError, match="leeward context set"):
        place(Given(context="prod"), config=Config())
    with pytest.raises(click.BadParameter, match="none of table, wide"):
        place(LEEWARD_OUTPUT="html")


def test_no_token_stands_in_the_form_for_debuggers() -> None:
    assert "lwd_1" not in repr((place(LEEWARD_TOKEN="lwd_1"), from_environment({"LEEWARD_TOKEN": "lwd_1"})))
