"""Sessions sealed into cookies: by keys that all replicas have, for one purpose only."""

import os
from collections.abc import Sequence
from datetime import timedelta

import pytest

from services.scheduler.access.proofs import Kind, NotProvenError, Proof
from services.scheduler.access.sessions import Sessions
from services.scheduler.domain.callers import ANYBODY, Caller, Role, Scope
from services.scheduler.domain.collections import Namespace
from shared.keyfile import SealingKey
from tests.parts.clocks import SteppedClock

OLD = SealingKey(id="old", secret=b"o" * 32)
NEW = SealingKey(id="new", secret=b"n" * 32, seals_from=SteppedClock().now() - timedelta(hours=1))
PROOF = Proof(caller=ANYBODY, kind=Kind.TOKEN, credential="c")


def sessions(keys: Sequence[SealingKey] = (OLD,), purpose: str = "here") -> Sessions:
    return Sessions(lambda: keys, SteppedClock(), random=os.urandom, purpose=purpose)


def test_another_replica_and_another_life_read_the_same_cookie() -> None:
    session = sessions().begin(PROOF)
    assert sessions().open(sessions().seal(session)) == session


def test_a_rotated_key_ends_no_session_until_it_is_removed() -> None:
    cookie = sessions().seal(sessions().begin(PROOF))
    assert sessions((OLD, NEW)).open(cookie).credential == "c"
    assert sessions((OLD, NEW)).seal(sessions().begin(PROOF)).startswith("new.")
    with pytest.raises(NotProvenError):
        sessions((NEW,)).open(cookie)


def test_what_was_sealed_for_something_else_is_no_session() -> None:
    cookie = sessions(purpose="another issuer").seal(sessions().begin(PROOF))
    with pytest.raises(NotProvenError):
        sessions().open(cookie)


def test_without_keys_a_session_is_of_this_process_alone() -> None:
    own, other = sessions(()), sessions(())
    cookie = own.seal(own.begin(PROOF))
    assert own.open(cookie).credential == "c"
    with pytest.raises(NotProvenError):
        other.open(cookie)


def test_a_session_that_no_cookie_can_hold_is_refused() -> None:
    scopes = tuple(Scope(Namespace("s", "g"), f"collection-{number:0100}") for number in range(50))
    caller = Caller(name="oidc:x", role=Role.READER, scopes=scopes)
    proof = Proof(caller=caller, kind=Kind.OIDC, credential="c")
    with pytest.raises(ValueError, match="more than 3800 characters"):
        sessions().seal(sessions().begin(proof))


def test_ids_and_form_tokens_are_never_the_same_twice() -> None:
    made = [sessions().begin(PROOF) for _ in range(10)]
    assert len({one.id for one in made} | {one.form_token for one in made}) == 20
