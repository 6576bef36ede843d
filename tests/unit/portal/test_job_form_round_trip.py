"""A document, taken apart into the form's inputs and put together again, is what it was."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.scheduler.portal.jobs.form.fields import sections
from services.scheduler.portal.jobs.form.inputs import Sent, Texts
from services.scheduler.portal.jobs.form.reading import document_of
from services.scheduler.portal.jobs.form.secrets import PLACES, given_in
from services.scheduler.portal.jobs.form.showing import fields_of
from tests.parts.every_action import ACTIONS, SECRETS
from tests.parts.job_documents import bare, job_documents, spelled

KEPT = frozenset(PLACES)
INPUTS = {one.key: one for section in sections() for one in section.inputs()}

MANY = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""Jobs are large: making one up takes as long as reading it, and longer on a busy machine."""


def as_browsers_send(fields: Sent) -> dict[str, Texts]:
    """Return what the form shows as a browser sends it: lines end otherwise, empty boxes are left out."""
    sent = {key: tuple(text.replace("\n", "\r\n") for text in texts) for key, texts in fields.items()}
    return {
        key: texts for key, texts in sent.items() if texts and not (INPUTS[key].widget == "switch" and not texts[0])
    }


@MANY
@given(job_documents())
def test_what_is_shown_is_the_document_again(document: dict[str, Any]) -> None:
    reading = document_of({}, as_browsers_send(fields_of(document)), kept=KEPT)
    assert reading.faults == ()
    assert reading.document == document


@MANY
@given(job_documents())
def test_who_changes_nothing_saves_what_was_there(document: dict[str, Any]) -> None:
    stored = {**document, "state": "enabled", "overlap": "Skip", "timeout": "PT1M", "catchUpWindow": "PT1H0M"}
    reading = document_of(stored, as_browsers_send(fields_of(stored)), kept=KEPT)
    assert (reading.document, reading.faults) == (stored, ())


@MANY
@given(job_documents(), job_documents())
def test_from_any_job_to_any_other_nothing_is_left_behind(before: dict[str, Any], after: dict[str, Any]) -> None:
    reading = document_of(before, as_browsers_send(fields_of(after)), kept=KEPT)
    again = document_of(reading.document, as_browsers_send(fields_of(after)), kept=KEPT)
    assert again.document == reading.document
    shown, wanted = fields_of(reading.document), fields_of(after)
    chosen = [key for key in wanted if shown.get(key) != wanted[key]]
    assert chosen == []


@pytest.mark.parametrize("kind", ACTIONS)
def test_every_action_survives_and_none_of_its_secrets_is_shown(kind: str) -> None:
    document = spelled({"action": ACTIONS[kind]})
    fields = fields_of({"action": ACTIONS[kind]})
    assert not any(secret in str(fields) for secret in SECRETS)
    assert document_of({}, as_browsers_send(fields), kept=KEPT).document == document


@pytest.mark.parametrize("kind", ACTIONS)
def test_typed_secrets_go_into_the_document(kind: str) -> None:
    fields = as_browsers_send(fields_of({"action": ACTIONS[kind]}))
    typed = {
        one.key: (secret,)
        for one in INPUTS.values()
        for path, secret in _secrets({"action": ACTIONS[kind]})
        if one.path == path and one.widget in ("secret", "file")
    }
    document = document_of(bare({"action": ACTIONS[kind]}), {**fields, **typed}).document
    assert document == {"action": ACTIONS[kind]}


UNKNOWN = {
    "bySource": {"User": {"strategy": "Ignore"}},
    "byDuration": [{"upTo": "PT10S", "strategy": "Ignore"}],
    "cancel": {"request": {"uri": "https://api.test/stop"}},
}


@given(st.sampled_from(["Hold", "Ignore"]))
def test_what_the_form_does_not_know_stays(strategy: str) -> None:
    stored = {**bare({"action": ACTIONS["bus queue"]}), "maintenance": UNKNOWN}
    stored["action"]["serviceBusQueueMessage"]["brokeredMessageProperties"] = {"forcePersistence": True}
    fields = {**fields_of(stored), "maintenance.strategy": (strategy,)}
    changed = document_of(stored, as_browsers_send(fields), kept=KEPT).document
    assert changed == {**stored, "maintenance": {**UNKNOWN, "strategy": strategy}}


def _secrets(document: dict[str, Any]) -> list[tuple[str, str]]:
    found = []
    for path in given_in(document):
        place: Any = document
        for name in path.split("."):
            place = place[name]
        found.append((path, place))
    return found
