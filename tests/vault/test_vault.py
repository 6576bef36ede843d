"""The vault: a sealed secret opens at its own place only, and nothing it says shows a text."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import timedelta
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from services.scheduler.domain.collections import CollectionId
from services.scheduler.domain.secrets import KeyId, SealedSecret, SecretPlace
from services.scheduler.errors import InvalidInputError, SecretRefusedError, SecretUnavailableError
from services.scheduler.vault.vault import Vault, bound_to
from tests.parts.clocks import SteppedClock
from tests.parts.vaults import NOON, PLACE, collection, key, vault

TEXT = "correct horse battery staple"
ELSEWHERE = {
    "another collection": replace(PLACE, collection_id=CollectionId(2)),
    "another job": replace(PLACE, job="weekly"),
    "another field": replace(PLACE, field="action.errorAction.request.authentication.password"),
    "another destination": replace(PLACE, destination="https://evil.test"),
}


def sealed(by: Vault, text: str = TEXT) -> SealedSecret:
    secret = by.seal(text, PLACE, collection())
    assert isinstance(secret, SealedSecret)
    return secret


@given(text=st.text(max_size=300).filter(lambda text: not text.startswith("secretref:")))
def test_what_was_sealed_opens_again(text: str) -> None:
    keeper = vault(key("k1"))
    assert keeper.open(sealed(keeper, text), PLACE) == text


@pytest.mark.parametrize("place", ELSEWHERE.values(), ids=ELSEWHERE)
def test_a_secret_opens_at_no_other_place(place: SecretPlace) -> None:
    keeper = vault(key("k1"))
    with pytest.raises(SecretRefusedError, match=f"{place.field}: the secret was sealed for another place"):
        keeper.open(sealed(keeper), place)


def test_the_case_of_the_jobs_name_does_not_count() -> None:
    keeper = vault(key("k1"))
    assert keeper.open(sealed(keeper), replace(PLACE, job="Nightly")) == TEXT


def test_no_two_places_are_bound_to_the_same() -> None:
    words = ["a", "b", 'a","b', "ab", "", "a,b"]
    places = [
        SecretPlace(collection_id=CollectionId(number), job=job, field=field, destination=destination)
        for number in (1, 11)
        for job in words
        for field in words
        for destination in words
    ]
    assert len({bound_to(place) for place in places}) == len(places)


def test_the_same_text_never_looks_the_same() -> None:
    keeper = vault(key("k1"))
    boxes = [sealed(keeper).box for _ in range(20)]
    assert all(one[:16] != other[:16] for one, other in combinations(boxes, 2))


def test_every_byte_of_a_box_counts() -> None:
    keeper = vault(key("k1"))
    secret = sealed(keeper)
    box = urlsafe_b64decode(secret.box)
    for at in range(len(box)):
        changed = box[:at] + bytes([box[at] ^ 1]) + box[at + 1 :]
        with pytest.raises(SecretRefusedError):
            keeper.open(replace(secret, box=urlsafe_b64encode(changed).decode()), PLACE)


@pytest.mark.parametrize("box", ["", "A", "AAAA", "ä", "*" * 40])
def test_a_box_that_is_none_is_refused(box: str) -> None:
    with pytest.raises(SecretRefusedError):
        vault(key("k1")).open(SealedSecret(key=KeyId("k1"), box=box), PLACE)


def test_another_key_of_the_same_name_does_not_open_it() -> None:
    secret = replace(sealed(vault(key("k2"))), key=KeyId("k1"))
    with pytest.raises(SecretRefusedError):
        vault(key("k1")).open(secret, PLACE)


def test_a_key_that_is_not_there_may_come_yet() -> None:
    with pytest.raises(SecretUnavailableError, match="key k2 is not in the keys file"):
        vault(key("k1")).open(sealed(vault(key("k2"))), PLACE)


def test_without_a_key_sealing_is_refused_and_says_what_to_set() -> None:
    with pytest.raises(InvalidInputError, match="LEEWARD_SECRET_KEYS_FILE") as refused:
        vault().seal(TEXT, PLACE, collection())
    assert refused.value.field == PLACE.field
    assert TEXT not in str(refused.value)


def test_after_a_rotation_old_secrets_open_and_new_ones_are_under_the_new_key() -> None:
    clock = SteppedClock.at(NOON)
    keeper = vault(key("k1"), key("k2", seals_from=NOON + timedelta(minutes=2)), clock=clock)
    old = sealed(keeper)
    clock.step(timedelta(minutes=2))
    assert keeper.open(old, PLACE) == TEXT
    renewed = keeper.reseal(old, PLACE)
    assert isinstance(renewed, SealedSecret)
    assert (old.key, renewed.key) == ("k1", "k2")
    assert keeper.open(renewed, PLACE) == TEXT
    assert keeper.reseal(renewed, PLACE) is renewed


def test_what_is_sealed_shows_nothing_of_its_text() -> None:
    secret = sealed(vault(key("k1")))
    shown = repr(secret)
    assert TEXT not in shown
    assert urlsafe_b64encode(TEXT.encode()).decode().rstrip("=") not in shown
