"""AsyncAPI's own parser takes docs/asyncapi.yaml, and nothing that is wrong."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from tests.parts.asyncapi import DOCUMENT, document
from tests.parts.asyncapi_parser import faults

Json = dict[str, Any]


def test_the_document_is_valid() -> None:
    assert faults(DOCUMENT.read_text()) == []


def an_operation_on_a_channel_that_is_not_there(wrong: Json) -> None:
    wrong["operations"]["programReceivesEvents"]["channel"] = {"$ref": "#/channels/weather"}


def a_message_that_its_channel_does_not_have(wrong: Json) -> None:
    wrong["operations"]["programReceivesEvents"]["messages"] = [{"$ref": "#/channels/drains/messages/Drain"}]


def a_parameter_that_is_not_told_of(wrong: Json) -> None:
    del wrong["channels"]["notices"]["parameters"]["transition"]


def a_quality_of_service_that_mqtt_does_not_have(wrong: Json) -> None:
    wrong["components"]["operationBindings"]["state"]["mqtt"]["qos"] = 3


def a_reply_to_an_address_that_is_no_place_in_a_message(wrong: Json) -> None:
    wrong["operations"]["vmwatchReceivesApprovals"]["reply"]["address"]["location"] = "responseTopic"


def a_schema_that_is_none(wrong: Json) -> None:
    wrong["components"]["schemas"]["Drain"]["properties"]["running"]["type"] = "whole number"


@pytest.mark.parametrize(
    "spoil",
    [
        an_operation_on_a_channel_that_is_not_there,
        a_message_that_its_channel_does_not_have,
        a_parameter_that_is_not_told_of,
        a_quality_of_service_that_mqtt_does_not_have,
        a_reply_to_an_address_that_is_no_place_in_a_message,
        a_schema_that_is_none,
    ],
)
def test_a_wrong_document_is_refused(spoil: Callable[[Json], None]) -> None:
    wrong = msgspec.json.decode(msgspec.json.encode(document()))
    spoil(wrong)
    assert faults(msgspec.json.encode(wrong).decode()) != []
