"""Checks that Schemathesis makes of refusals: by whom nothing may be read, or nothing changed."""

from typing import Any

import schemathesis
from schemathesis import Case, CheckContext, Response

_READS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_LOOKING = ("/occurrences", "/register")


@schemathesis.check
def nobody_is_answered(_context: CheckContext, response: Response, case: Case[Any]) -> None:
    """Without a token there is 401 and a challenge, whatever is asked for."""
    assert response.status_code == 401, f"{case.method} {case.path} answered {response.status_code}"
    assert response.headers["www-authenticate"][0].startswith("Bearer")


@schemathesis.check
def nothing_is_changed(_context: CheckContext, response: Response, case: Case[Any]) -> None:
    """A reader's change is refused with 403; a method that is not there, or a path, has its own answer."""
    if case.method.upper() not in _READS and not case.path.endswith(_LOOKING):
        assert response.status_code in (403, 404, 405), f"{case.method} {case.path} answered {response.status_code}"
