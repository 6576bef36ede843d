"""What a bundle takes out of texts, and what it leaves in them."""

import pytest

from services.operations.bundle.masking import mask, origin
from services.operations.bundle.pseudonyms import Pseudonyms
from services.operations.bundle.shapes import event_shape, host_shape, job_shape
from tests.parts.every_action import ACTIONS, SECRETS

CANARY = "canary0secret"
SECRET = [
    f"connecting to https://me:{CANARY}@api.test:8443/hooks/{CANARY}?key={CANARY} failed",
    f"postgresql://leeward:{CANARY}@db:5432/leeward?password={CANARY}&sslmode=require",
    f"mqtts://leeward:{CANARY}@broker:8883",
    f"mqtt://leeward:p@ss{CANARY}@broker:1883",
    f"https://hooks.test/services/T000/{CANARY}",
    f"Authorization: Bearer {CANARY}.x.y",
    f'{{"authorization": "Basic {CANARY}=="}}',
    f"password={CANARY}, then more",
    f'{{"sasToken": "{CANARY}", "host": "db-0"}}',
    f'{{\\"client_secret\\": \\"{CANARY}\\"}}',
    f"x-api-key: {CANARY}",
    f"set-cookie: {CANARY}; Path=/",
    f"lwd_{CANARY}",
    f"whsec_{CANARY}==",
    f"eyJ{CANARY}.eyJ{CANARY}.{CANARY}",
    f"-----BEGIN PRIVATE KEY-----\n{CANARY}\n-----END PRIVATE KEY-----",
    f"-----BEGIN EC PRIVATE KEY-----\n{CANARY}",
    f"20261122-1f3a9c02  XQ0l{CANARY}9012345678901234567890123456",
    f"sv=2019-02-02&sp=a&sig={CANARY}%3D",
    f"SharedAccessKey={CANARY}=;EntityPath=orders",
    f"AccountName=jobs;AccountKey={CANARY}/x+1==;EndpointSuffix=core.windows.net",
    f"refused: Zm9v/{CANARY}/4711AbCdEf/GhIjKlMnOpQrSt+UvWxYz==",
    f"it sent Zm9v/{CANARY}/4711AbCdEf/GhIjKlMnOpQrSt+UvWxYz==.",
    f"PGPASSWORD={CANARY}",
    f'{{"reason": "broken off: db-0: cordoned by hand: the {CANARY} way", "level": "debug"}}',
]
HARMLESS = [
    "2026-11-22T21:10:17.123Z lease begun replica=one fence=41",
    '{"occurrence": "a6a8a3f0-9a55-5c0e-8c6b-100000000001", "attempt": 2, "host": "db-0"}',
    'leeward_execution_duration_seconds_bucket{le="0.005",outcome="succeeded"} 12',
    'leeward_secret_failures_total{reason="unknown_key"} 0',
    "leeward_secrets_under_old_keys 0",
    "LEEWARD_TOKENS_FILE=/etc/leeward/tokens",
    "C7061BAC-AFDC-4513-B24B-AA5F13A16123 Reboot Scheduled db-0",
    "the broker refused the user name or password",
    "sqlite:////var/lib/leeward/leeward.db",
    "http://127.0.0.1:8080",
    "/subscriptions/00000000-0000-0000-0000-000000004711/resourceGroups/Jobs/providers/Microsoft.Compute/VM1",
    "/opt/leeward/lib/python3.11/site-packages/services/scheduler/store/sql/refilling.py",
    "leeward/v1/notices/db-0/c7061bac-afdc-4513-b24b-aa5f13a16123",
]


@pytest.mark.parametrize("text", SECRET)
def test_what_looks_like_a_secret_is_taken_out(text: str) -> None:
    shown = mask(text)
    assert CANARY not in shown
    assert "***" in shown or "://" in shown
    assert mask(shown) == shown


@pytest.mark.parametrize("word", ["x", "password", "0f", "a.b-", '\\"', "ab1/", "1.", "a:"])
@pytest.mark.timeout(20)
def test_long_lines_take_no_longer_than_their_length(word: str) -> None:
    text = word * (300_000 // len(word))
    assert len(Pseudonyms().replace(mask(text))) <= len(text)


@pytest.mark.parametrize("text", HARMLESS)
def test_what_helps_to_find_a_fault_stays(text: str) -> None:
    assert mask(text) == text


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://me:pw@api.test/hook?x=1", "https://api.test/…"),
        ("http://{host}:9101/report", "http://{host}:9101/…"),
        ("https://api.test", "https://api.test"),
        ("http://[::1]:80/", "http://[::1]:80"),
        ("http://[", "***"),
        ("not an address", "***"),
    ],
)
def test_an_address_is_shown_up_to_its_port(address: str, shown: str) -> None:
    assert origin(address) == shown


def test_names_and_addresses_get_others_everywhere_and_always_the_same() -> None:
    pseudonyms = Pseudonyms()
    pseudonyms.know(["db-0", "DB-0", "db-01", "x", "10.0.0.4"])
    text = '{"host": "db-0", "name": "DB-0"} db-01 10.0.0.4:8080 and fd00::1, not db-0x, 127.0.0.1, 12:30:05 or 1.2.3'
    assert pseudonyms.replace(text) == (
        '{"host": "host-1", "name": "host-1"} host-2 address-1:8080 and address-2, not db-0x, 127.0.0.1, '
        "12:30:05 or 1.2.3"
    )
    assert pseudonyms.replace("10.0.0.4 db-01") == "address-1 host-2"


@pytest.mark.parametrize("kind", ACTIONS)
def test_of_a_job_is_shown_what_it_is_like_and_not_what_it_sends(kind: str) -> None:
    action = {**ACTIONS[kind], "errorAction": ACTIONS[kind], "retryPolicy": {"retryType": "Fixed", "retryCount": 3}}
    policy = {"strategy": "Hold", "cancel": {"uri": f"http://x/{CANARY}", "headers": {"a": CANARY}}}
    job = {"name": "a", "collection": "demo", "action": action, "maintenance": policy, "tags": {"t": CANARY}}
    shown = job_shape({**job, "description": CANARY, "recurrence": {"frequency": "Day", "cron": {"odd": CANARY}}})
    assert [secret for secret in (*SECRETS, CANARY, "hello") if secret in str(shown)] == []
    assert shown["maintenance"] == {"strategy": "Hold"}
    assert shown["retryPolicy"] == {"retryType": "Fixed", "retryCount": 3}
    assert (shown["tags"], shown["action"]["type"]) == (1, ACTIONS[kind]["type"])
    assert shown["errorAction"] == shown["action"]


def test_of_a_host_and_an_event_is_shown_nothing_that_anybody_wrote() -> None:
    host = host_shape({"host": "db-0", "condition": "cordoned", "reason": CANARY, "pools": ["db"], "running": 0})
    assert host == {"host": "db-0", "condition": "cordoned", "pools": ["db"], "running": 0}
    approval = {"state": "approved", "by": "one", "reason": CANARY}
    drains = {"db-0": {"drain": "drained", "held": 2, "more": {"text": CANARY}}}
    event = event_shape({"eventId": "E1", "description": CANARY, "hosts": drains, "approval": approval})
    assert event == {
        "eventId": "E1",
        "hosts": {"db-0": {"drain": "drained", "held": 2}},
        "approval": {"state": "approved", "by": "one"},
    }
