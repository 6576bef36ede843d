"""Callers with tokens of an OIDC issuer, which is real and on this machine."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import jwt
import msgspec
import pytest

from services.scheduler.access.access import AccessRules
from services.scheduler.access.issuer import FRESH_SECONDS, PAUSE_SECONDS
from services.scheduler.access.oidc import LEEWAY
from services.scheduler.metrics import Metrics
from tests.parts.fakes_api import HOME, NOON, Api, HandClock, running_api
from tests.parts.issuer import AUDIENCE, Issuer
from tests.parts.tokens import READER, bearer, three_callers

HOUR = timedelta(hours=1)


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    async with Issuer(NOON).running() as issuer:
        issuer.add_key("one")
        yield issuer


@asynccontextmanager
async def trusting(issuer: Issuer, metrics: Metrics | None = None, **more: Any) -> AsyncIterator[Api]:
    rules = AccessRules(home=HOME, issuer=issuer.url, audiences=("other", AUDIENCE), **more)
    async with running_api(rules=rules, metrics=metrics) as api:
        await api.services.access.look_at_issuer()
        yield api


async def status(api: Api, token: str, method: str = "GET", path: str = "/collections") -> int:
    return (await api.call(method, path, {} if method == "PUT" else None, **bearer(token))).status


def turn(api: Api, by: timedelta) -> None:
    assert isinstance(api.services.clock, HandClock)
    api.services.clock.turn(by)


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256", "EdDSA"])
async def test_signatures_of_these_algorithms_are_accepted(issuer: Issuer, algorithm: str) -> None:
    issuer.add_key("two", algorithm)
    async with trusting(issuer) as api:
        assert await status(api, issuer.token("two")) == 200


@pytest.mark.parametrize(
    ("roles", "may"),
    [
        (["leeward-operator"], (201, 200)),
        (["leeward-reader"], (403, 200)),
        (["other", "leeward-operator:demo"], (201, 200)),
        (["leeward-reader", "leeward-operator:demo"], (201, 200)),
        ("openid leeward-reader", (403, 200)),
        (["leeward-operator:demo/"], (401, 401)),
        (["leeward-king"], (401, 401)),
        ([], (401, 401)),
        (None, (401, 401)),
        ({"leeward-operator": True}, (401, 401)),
    ],
)
async def test_roles_come_from_the_claim(issuer: Issuer, roles: object, may: tuple[int, int]) -> None:
    async with trusting(issuer) as api:
        token = issuer.token("one", roles=roles)
        assert (await status(api, token, "PUT", "/collections/demo"), await status(api, token)) == may


async def test_the_claim_may_lie_inside_another(issuer: Issuer) -> None:
    async with trusting(issuer, roles_claim="realm_access.roles") as api:
        assert await status(api, issuer.token("one", roles=None, realm_access={"roles": ["leeward-reader"]})) == 200
        assert await status(api, issuer.token("one")) == 401


WRONG: dict[str, dict[str, Any]] = {
    "another issuer": {"iss": "https://evil.example"},
    "another audience": {"aud": "api://else"},
    "no audience": {"aud": None},
    "no subject": {"sub": None},
    "an unprintable subject": {"sub": "a\nb"},
    "no end": {"exp": None},
    "over": {"exp": NOON - LEEWAY},
    "not yet": {"nbf": NOON + LEEWAY + timedelta(seconds=1)},
    "an endless end": {"exp": 1e300},
    "an end that is none": {"exp": True},
    "a critical extension": {"headers": {"crit": ["x"], "x": 1}},
    "a key nobody has": {"headers": {"kid": "nobody"}},
    "a key that is no name": {"headers": {"kid": "../../one"}},
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())
async def test_anything_wrong_in_a_token_refuses_it_with_the_same_words(issuer: Issuer, wrong: dict[str, Any]) -> None:
    async with trusting(issuer) as api:
        reply = await api.call("GET", "/collections", **bearer(issuer.token("one", **wrong)))
        assert (reply.status, reply.document["title"]) == (401, "Unauthorized")
        assert reply.document["detail"] == "the credential is not accepted: it may be wrong, expired or removed"


async def test_a_little_difference_of_clocks_is_forgiven(issuer: Issuer) -> None:
    almost = LEEWAY - timedelta(seconds=1)
    async with trusting(issuer) as api:
        assert await status(api, issuer.token("one", nbf=NOON + almost)) == 200
        assert await status(api, issuer.token("one", exp=NOON - almost)) == 200


async def test_no_signature_is_no_proof(issuer: Issuer) -> None:
    unsigned = jwt.encode(issuer.claims(), "", "none", headers={"kid": "one"})
    signed = issuer.token("one")
    async with trusting(issuer) as api:
        assert await status(api, unsigned) == 401
        assert await status(api, signed.rpartition(".")[0] + ".") == 401
        assert await status(api, signed[:-4] + ("AAAA" if signed[-4:] != "AAAA" else "BBBB")) == 401


async def test_a_public_key_is_no_shared_secret(issuer: Issuer) -> None:
    """The classic confusion: HS256 with the issuer's public key as the secret."""
    issuer.add_key("two", "RS256")
    header = jwt.utils.base64url_encode(msgspec.json.encode({"alg": "HS256", "kid": "two", "typ": "JWT"}))
    body = jwt.utils.base64url_encode(msgspec.json.encode(issuer.claims(exp=9e9, iat=0, nbf=0)))
    algorithm = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    signature = algorithm.sign(b".".join((header, body)), issuer.public_pem("two"))
    forged = b".".join((header, body, jwt.utils.base64url_encode(signature))).decode()
    async with trusting(issuer) as api:
        assert await status(api, forged) == 401


async def test_a_key_is_used_for_its_own_algorithm_only(issuer: Issuer) -> None:
    issuer.add_key("two", "PS256", alg="RS256")
    issuer.add_key("three", "ES256", use="enc")
    async with trusting(issuer) as api:
        assert await status(api, issuer.token("two")) == 401
        assert await status(api, issuer.token("three")) == 401


async def test_new_keys_are_fetched_when_a_token_names_one_and_not_more_often_than_allowed(issuer: Issuer) -> None:
    async with trusting(issuer) as api:
        issuer.add_key("two")
        assert await status(api, issuer.token("two")) == 401
        for _ in range(20):
            await status(api, issuer.token("one", headers={"kid": "nobody"}))
        assert issuer.asked == 1
        turn(api, timedelta(seconds=PAUSE_SECONDS))
        assert await status(api, issuer.token("two")) == 200
        assert issuer.asked == 2


async def test_a_withdrawn_key_is_believed_no_longer(issuer: Issuer) -> None:
    issuer.add_key("two")
    async with trusting(issuer) as api:
        token = issuer.token("two", exp=NOON + 24 * HOUR)
        assert await status(api, token) == 200
        issuer.withdraw("two")
        turn(api, timedelta(seconds=FRESH_SECONDS))
        await api.services.access.look_at_issuer()
        assert await status(api, token) == 401


async def test_known_keys_stay_in_use_while_the_issuer_is_away(issuer: Issuer) -> None:
    metrics = Metrics("")
    async with trusting(issuer, metrics) as api:
        assert metrics.registry.get_sample_value("leeward_oidc_issuer_up") == 1
        issuer.is_away = True
        turn(api, timedelta(seconds=FRESH_SECONDS))
        await api.services.access.look_at_issuer()
        assert metrics.registry.get_sample_value("leeward_oidc_issuer_up") == 0
        assert await status(api, issuer.token("one", exp=NOON + 2 * HOUR)) == 200


async def test_without_an_issuer_at_start_tokens_of_the_file_work_and_its_own_do_later(
    issuer: Issuer, tmp_path: Path
) -> None:
    issuer.is_away = True
    async with trusting(issuer, tokens_file=three_callers(tmp_path)) as api:
        assert await status(api, READER) == 200
        assert await status(api, issuer.token("one")) == 401
        issuer.is_away = False
        turn(api, timedelta(seconds=PAUSE_SECONDS))
        assert await status(api, issuer.token("one")) == 200


@pytest.mark.parametrize("document", [{"kty": "RSA", "n": "AQAB", "e": "AQAB"}, {"kty": "oct", "k": "c2VjcmV0"}, {}, 7])
async def test_keys_that_cannot_be_used_are_passed_over(issuer: Issuer, document: object) -> None:
    issuer.documents.insert(0, document)  # type: ignore[arg-type]
    async with trusting(issuer) as api:
        assert await status(api, issuer.token("one")) == 200


async def test_a_discovery_document_of_somebody_else_is_not_used(issuer: Issuer) -> None:
    issuer.named = "https://evil.example"
    async with trusting(issuer) as api:
        assert await status(api, issuer.token("one")) == 401


async def test_the_name_is_the_subject_and_what_people_call_it(issuer: Issuer) -> None:
    async with trusting(issuer) as api:
        token = issuer.token("one", preferred_username="ann@example.org", roles=["leeward-reader"])
        reply = await api.call("PUT", "/collections/demo", {}, **bearer(token))
        assert "oidc:7f3a (ann@example.org)" in reply.document["detail"]
