"""The XML of a storage queue's message: what was written is what a reader finds."""

from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scheduler.dispatch.actions.storage_queue import document
from services.scheduler.domain.queue_texts import sas_token


def read(body: bytes) -> str | None:
    return ET.fromstring(body).findtext("MessageText")


@given(st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn"]) | st.sampled_from("\t\n\r<>&'\"]"), max_size=40))
def test_a_text_comes_back_from_its_document(text: str) -> None:
    assert read(document(text)) == text


@pytest.mark.parametrize("sign", ["\x00", "\x0b", "\x1f", "\ud800", "\ufffe", "\uffff"])
def test_what_xml_cannot_hold_is_refused_by_its_number(sign: str) -> None:
    with pytest.raises(ValueError, match=f"U\\+{ord(sign):04X}"):
        document(f"before {sign} after")


@pytest.mark.parametrize("text", ["sp=a&sig=x%2B%2F%3D", "?sp=a&sig=x%2B%2F%3D", "  ?sp=a&sig=x%2B%2F%3D\n"])
def test_a_token_may_begin_with_a_question_mark(text: str) -> None:
    assert sas_token(text) == "sp=a&sig=x%2B%2F%3D"


@pytest.mark.parametrize(
    "text", ["", "?", "sp=r", "sp=a&sig=x y", "sp=a&sig=x#", "sp=a&sig=x?", "sp=a&sig=\u00e4", "sig=x\r\ny"]
)
def test_what_can_be_no_token_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ValueError, match="is no SAS token") as refused:
        sas_token(text)
    assert len(text) < 2 or text not in str(refused.value)
