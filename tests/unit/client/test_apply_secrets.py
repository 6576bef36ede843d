"""Secrets of files to apply come from elsewhere, and are told from one another without being kept."""

from pathlib import Path
from typing import Any

import click
import pytest

from services.client.applying.secrets import HIDDEN, Kind, digest_of, put_secrets, take_secrets, without_secrets
from tests.parts.applying import job_doc, read, text_of


def job_with(**fields: Any) -> dict[str, Any]:
    """Return a job whose request authenticates so."""
    authentication = {"type": "Basic", "username": "me", **fields}
    return {"action": {"request": {"uri": "https://x.test/", "authentication": authentication}}}


def password(document: dict[str, Any]) -> Any:
    return document["action"]["request"]["authentication"]["password"]


def test_a_secret_comes_from_a_file_beside_the_document(tmp_path: Path) -> None:
    (tmp_path / "pw").write_text("hush\n")
    document, secrets = take_secrets(job_with(passwordFile="pw"), tmp_path)
    assert password(document) == HIDDEN
    assert password(put_secrets(document, secrets)) == "hush"
    assert "hush" not in repr(secrets)


def test_a_secret_comes_from_a_variable_or_is_the_scheduler_s_to_look_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DB_PASSWORD", "hush")
    for text, kind, sent in (
        ("env:DB_PASSWORD", Kind.SOURCE, "hush"),
        ("secretref:file:db", Kind.REFERENCE, "secretref:file:db"),
        ("canary", Kind.PLAIN, "canary"),
    ):
        document, [secret] = take_secrets(job_with(password=text), Path())
        assert (secret.kind, password(put_secrets(document, [secret]))) == (kind, sent)
        assert "canary" not in repr(secret)


def test_every_place_of_a_secret_is_found() -> None:
    message = {"namespace": "n", "message": "m", "authentication": {"sasKeyName": "k", "sasKeyFile": "key"}}
    document = {
        "action": {
            "request": {"uri": "u", "webhookSecretFile": "w"},
            "errorAction": {"serviceBusQueueMessage": message},
        },
        "maintenance": {"cancel": {"queueMessage": {"sasTokenFile": "s"}}},
    }
    hidden, secrets = take_secrets(document, Path())
    assert [secret.field for secret in secrets] == [
        "action.request.webhookSecret",
        "action.errorAction.serviceBusQueueMessage.authentication.sasKey",
        "maintenance.cancel.queueMessage.sasToken",
    ]
    assert hidden["action"]["request"]["webhookSigned"] is True
    assert HIDDEN not in str(without_secrets(hidden))


def test_headers_are_not_taken_for_secrets() -> None:
    document = {"action": {"request": {"uri": "u", "headers": {"secret": "x", "password": "y"}}}}
    assert take_secrets(document, Path()) == (document, ())


def test_two_sources_for_one_secret_are_refused() -> None:
    with pytest.raises(click.BadParameter, match="give password or passwordFile"):
        take_secrets(job_with(password="a", passwordFile="b"), Path())


def test_a_secret_in_plain_is_warned_of_with_its_place_and_without_its_text() -> None:
    [warning] = read(text_of(job_doc(**job_with(password="hush-hush")))).warnings
    assert str(warning).startswith("1.yaml:1: action.request.authentication.password stands here in plain")
    assert "hush" not in str(warning)


def test_what_is_kept_of_secrets_follows_their_sources_and_never_what_they_are() -> None:
    def digest(**fields: Any) -> str:
        return digest_of(take_secrets(job_with(**fields), Path())[1])

    assert digest(password="a") == digest(password="b")
    assert len({digest(), digest(password="a"), digest(passwordFile="a"), digest(passwordFile="b")}) == 4
