"""What holds a text in memory does not show it, not even to who shows the variables of a traceback."""

from io import StringIO

import pytest
from rich.console import Console
from rich.traceback import Traceback

from services.scheduler.api.schemas.values import SecretText
from services.scheduler.dispatch.actions.credentials import Shown, spellings
from services.scheduler.dispatch.actions.oauth import Token, _Granted
from services.scheduler.domain.secrets import KeyId, SealedSecret
from services.scheduler.errors import SecretRefusedError
from shared.keyfile import SealingKey
from tests.parts.vaults import NOON, PLACE, collection, key, references, vault

CANARY = "canary-of-the-mine"
HOLDERS = [
    SealingKey(id="k1", secret=CANARY.encode()),
    SecretText(CANARY),
    Shown(headers={"authorization": f"Basic {CANARY}"}, signing=(CANARY.encode(),), hidden=spellings(CANARY)),
    Token(text=CANARY, replaced_at=NOON, expires_at=NOON),
    _Granted(access_token=CANARY),
    vault(key("k1"), what=references(None, ("API_KEY",), API_KEY=CANARY)),
    vault(key("k1")).seal(CANARY, PLACE, collection()),
]


@pytest.mark.parametrize("holder", HOLDERS, ids=lambda holder: type(holder).__name__)
def test_what_holds_a_text_does_not_show_it(holder: object) -> None:
    assert CANARY not in f"{holder!r} {holder} {[holder]} { ({'it': holder}) }"


def test_even_a_traceback_with_variables_shows_none_of_the_vaults_own() -> None:
    """Leeward's logs show no variables (test_logs); somebody's debugger may."""
    keeper = vault(key("k1"), what=references(None, ("API_KEY",), API_KEY=CANARY))
    output = StringIO()
    try:
        keeper.open(keeper.seal("secretref:env:API_KEY", PLACE, collection()), PLACE)
        keeper.open(SealedSecret(key=KeyId("k1"), box="AAAA"), PLACE)
    except SecretRefusedError:
        Console(file=output, width=200).print(Traceback(show_locals=True))
    assert "damaged" in output.getvalue()
    assert CANARY not in output.getvalue()
