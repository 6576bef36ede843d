"""Log lines, seen from outside the process."""

import json
import subprocess
import sys

import pytest

PROGRAM = """
import logging
from shared import logs

log = logs.get_logger("services.sample")
logs.configure(json={as_json}, level="{level}")
log.info("host cordoned", host="db-0")
log.debug("detail")
logging.getLogger("library").warning("from %s", "elsewhere")
logging.getLogger("paho").error("socket trouble")
def fail(password):
    raise ValueError("why")
try:
    fail("se" "cret")
except ValueError:
    log.exception("chore failed", chore="prune")
"""


def lines(*, as_json: bool | None, level: str = "INFO") -> list[str]:
    program = PROGRAM.format(as_json=as_json, level=level)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout == ""
    return done.stderr.splitlines()


def test_json_lines_carry_message_and_fields_alike_from_everywhere() -> None:
    own, foreign, failure = (json.loads(line) for line in lines(as_json=True))
    assert own["message"] == "host cordoned"
    assert (own["host"], own["level"], own["logger"]) == ("db-0", "info", "services.sample")
    assert own["timestamp"].endswith("Z")
    assert foreign["message"] == "from elsewhere"
    assert foreign["logger"] == "library"
    assert failure["chore"] == "prune"
    assert failure["exception"][0]["exc_type"] == "ValueError"


def test_what_is_no_terminal_gets_json() -> None:
    assert json.loads(lines(as_json=None)[0])["message"] == "host cordoned"


def test_a_terminal_gets_readable_lines() -> None:
    assert "host cordoned" in lines(as_json=False)[0]
    assert not lines(as_json=False)[0].startswith("{")


def test_debugging_shows_details_and_the_mqtt_library() -> None:
    messages = [json.loads(line)["message"] for line in lines(as_json=True, level="debug")]
    assert "detail" in messages
    assert "socket trouble" in messages


@pytest.mark.parametrize("as_json", [True, False])
def test_an_error_shows_where_it_came_from_and_no_values(as_json: bool) -> None:
    text = "\n".join(lines(as_json=as_json))
    assert "fail" in text
    assert "why" in text
    assert "secret" not in text
