"""Bad input of every kind gets the documented error, naming the field, and changes nothing."""

from typing import Any

import pytest

from tests.parts.fakes_api import Api, a_job, every

HELLO = "/collections/demo/jobs/hello"


def request(**changes: Any) -> dict[str, Any]:
    return {"action": {"request": {"uri": "http://db-0/", **changes}}}


def action(**changes: Any) -> dict[str, Any]:
    return {"action": {"request": {"uri": "http://db-0/"}, **changes}}


REFUSED: list[tuple[object, str, str]] = [
    ({}, "action", "required"),
    ({"action": {}}, "action.request", "required"),
    ({"action": {"request": {}}}, "action.request.uri", "required"),
    (a_job(recurence=every(5)), "recurence", "did you mean 'recurrence'?"),
    (a_job(recurrence={"frequency": "Day", "intervall": 2}), "recurrence.intervall", "'interval'"),
    (a_job(recurrence={"frequency": "Day", "schedule": {"houres": 2}}), "recurrence.schedule.houres", "'hours'"),
    (action(errorAction={"request": {"url": "http://x/"}}), "action.errorAction.request.url", "'uri'"),
    (a_job(zzz=1), "zzz", "known are"),
    (a_job(recurrence=every("5")), "recurrence.interval", "expected int"),  # type: ignore[arg-type]
    (a_job(recurrence=every(True)), "recurrence.interval", "expected int"),
    (a_job(recurrence=[]), "recurrence", "expected object"),
    (a_job(recurrence=every(0)), "recurrence.interval", "1 to 1000"),
    (a_job(recurrence=every(5, count=0)), "recurrence.count", "1 to 2147483647"),
    (a_job(recurrence=every(5, count=2**31)), "recurrence.count", "1 to 2147483647"),
    (a_job(recurrence={"frequency": "Year"}), "recurrence.frequency", "none of second, minute"),
    (a_job(recurrence={"interval": 2}), "recurrence.frequency", "missing"),
    (a_job(recurrence={"cron": "* * * *"}), "recurrence.cron", ""),
    (a_job(recurrence={"cron": "* * * * *", "interval": 1}), "recurrence.interval", "cron"),
    (a_job(recurrence={"cron": "0 0 30 2 *"}), "recurrence.cron", "day-of-month"),
    (a_job(recurrence={"frequency": "Day", "timeZone": "Europe/Berln"}), "recurrence.timeZone", "Europe/Berlin"),
    (a_job(recurrence=every(5, schedule={"weekDays": ["monday"]})), "recurrence.schedule.weekDays", "Week"),
    (
        a_job(recurrence={"frequency": "Week", "schedule": {"weekDays": ["Mondy"]}}),
        "recurrence.schedule.weekDays[0]",
        "'Mondy' is none of monday",
    ),
    (a_job(recurrence={"frequency": "Month", "schedule": {"monthDays": [0]}}), "recurrence.schedule.monthDays", "0"),
    (
        a_job(recurrence={"frequency": "Month", "schedule": {"monthlyOccurrences": [{}]}}),
        "recurrence.schedule.monthlyOccurrences[0].day",
        "required",
    ),
    (a_job(startTime="tomorrow"), "startTime", "write RFC 3339"),
    (a_job(startTime="2026-13-01T00:00:00Z"), "startTime", "write RFC 3339"),
    (a_job(startTime="0001-01-01T00:00:00+05:00"), "startTime", "write RFC 3339"),
    (
        a_job(startTime="9999-12-31T23:59:59", recurrence={"frequency": "Day", "timeZone": "America/New_York"}),
        "startTime",
        "",
    ),
    (a_job(startTime=5), "startTime", "expected a string"),
    (a_job(timeout="PT31M"), "timeout", "at most PT30M"),
    (a_job(timeout="PT0S"), "timeout", "too short"),
    (a_job(timeout="a minute"), "timeout", "write ISO 8601"),
    (a_job(timeout="P1Y"), "timeout", "write ISO 8601"),
    (a_job(catchUpWindow="-PT1M"), "catchUpWindow", "too short"),
    (a_job(overlap="Queue"), "overlap", "none of Skip, Allow, QueueOne"),
    (a_job(state="paused"), "state", "none of enabled"),
    (a_job(state="Completed"), "state", "Enabled or Disabled"),
    (a_job(tags={"a": 1}), "tags.a", "expected str"),
    (a_job(tags={str(i): "" for i in range(51)}), "tags", "too many"),
    (a_job(placement={}), "placement", "neither"),
    (a_job(placement={"pool": "a b"}), "placement.pool", "no name"),
    (a_job(placement={"host": "a/b"}), "placement.host", "no name"),
    (a_job(maintenance={"strategy": "Wait"}), "maintenance.strategy", "none of Reroute, Hold, Ignore"),
    (a_job(maintenance={"leadTime": "automatic"}), "maintenance.leadTime", "or auto"),
    (a_job(maintenance={"leadTime": "P31D"}), "maintenance.leadTime", "at most P30D"),
    (a_job(maintenance={"atDeadline": "Run"}), "maintenance.atDeadline", "none of Leave, Cancel, Move"),
    (a_job(maintenance={"lastStanding": "Run"}), "maintenance.lastStanding", "none of HoldAll, RunOnLeastUrgent"),
    (a_job(maintenance={"bySource": {"User": {"leadTime": "-PT1S"}}}), "maintenance.bySource.User.leadTime", "short"),
    (a_job(maintenance={"bySource": {"user": {}, "USER": {}}}), "maintenance.bySource.USER", "twice"),
    (a_job(maintenance={"byType": {"": {}}}), "maintenance.byType.", "1 to 64"),
    (a_job(maintenance={"byType": {str(i): {} for i in range(51)}}), "maintenance.byType", "too many"),
    (a_job(maintenance={"byDuration": [{}]}), "maintenance.byDuration[0].upTo", "required"),
    (a_job(maintenance={"byDuration": [{"upTo": None}]}), "maintenance.byDuration[0].upTo", "expected a string"),
    (
        a_job(maintenance={"byDuration": [{"upTo": "PT60S"}, {"upTo": "PT1M"}]}),
        "maintenance.byDuration[1].upTo",
        "PT1M is there twice",
    ),
    (a_job(maintenance={"byDuration": {"PT1M": {}}}), "maintenance.byDuration", "expected array"),
    (a_job(placement={"pool": "db", "choice": "First"}), "placement.choice", "none of Spread, Sticky, Random"),
    (a_job(maintenance={"byType": {"Freeze": {"onRelease": "No"}}}), "maintenance.byType.Freeze.onRelease", "none of"),
    (
        a_job(maintenance={"byType": {"Freeze": {"leadtime": "PT1M"}}}),
        "maintenance.byType.Freeze.leadtime",
        "'leadTime'",
    ),
    (a_job(flexibleWindow="-PT1M"), "flexibleWindow", "too short"),
    (a_job(flexibleWindow="P2D"), "flexibleWindow", "at most P1D"),
    (a_job(flexibleWindow="PT6M", recurrence=every(5)), "flexibleWindow", "only PT5M apart"),
    (a_job(flexibleWindow="PT2H", recurrence={"cron": "0 9,10 * * *"}), "flexibleWindow", "only PT1H apart"),
    (action(type="StorageQueue"), "action.request", "goes with type Http or Https, not StorageQueue"),
    (action(type="Mqtt"), "action.request", "goes with type Http or Https, not Mqtt"),
    (action(type="Ftp"), "action.type", "none of Http, Https"),
    (action(queueMessage={}), "action.queueMessage.storageAccount", "required"),
    (action(retryPolicy={"retryType": "Doubling"}), "action.retryPolicy.retryType", "none of none, fixed, exponential"),
    (action(retryPolicy={"maxInterval": "PT1H"}), "action.retryPolicy.maxInterval", "retryType Exponential only"),
    (
        action(retryPolicy={"retryType": "None", "maxInterval": "PT1H"}),
        "action.retryPolicy.maxInterval",
        "retryType Exponential only",
    ),
    (
        action(retryPolicy={"retryType": "Exponential", "retryInterval": "PT2M", "maxInterval": "PT1M"}),
        "action.retryPolicy.maxInterval",
        "shorter than retryInterval, which is PT2M",
    ),
    (
        action(retryPolicy={"retryType": "Exponential", "maxInterval": "P549D"}),
        "action.retryPolicy.maxInterval",
        "at most P548D",
    ),
    (action(retryPolicy={"retryCount": 21}), "action.retryPolicy.retryCount", "0 and 20"),
    (action(retryPolicy={"retryInterval": "PT0.5S"}), "action.retryPolicy.retryInterval", "at least PT1S"),
    (request(authentication={"type": "Basic"}), "action.request.authentication.username", "required"),
    (request(uri="ftp://db-0/"), "action.request.uri", "http:// or https://"),
    (request(uri="http:///x"), "action.request.uri", "no host"),
    (request(uri="http://db-0:99999/"), "action.request.uri", "not a URI"),
    (request(uri="http://[::1/"), "action.request.uri", "not a URI"),
    (request(uri="http://me:secret@db-0/"), "action.request.uri", "user name or password"),
    (request(uri="http://db-0/a b"), "action.request.uri", "percent-encode"),
    (request(uri="http://{host}/"), "action.request.uri", "needs a placement"),
    (request(uri="http://db-0/" + "x" * 2048), "action.request.uri", "at most 2048"),
    (request(method="BREW"), "action.request.method", "none of GET"),
    (request(body="x" * 8193), "action.request.body", "at most 8192"),
    (request(body={"a": 1}), "action.request.body", "expected str"),
    (request(headers={"a b": "c"}), "action.request.headers.a b", "header name"),
    (request(headers={"X": "a\r\nB: c"}), "action.request.headers.X", "line breaks"),
    (request(headers={str(i): "" for i in range(51)}), "action.request.headers", "too many"),
    (request(headers={"x": "y" * 4096}), "action.request.headers", "at most 4096"),
    (request(headers={"x": None}), "action.request.headers.x", "expected str"),
    *[
        (request(headers={name: "x"}), f"action.request.headers.{name}", "may not be set")
        for name in ("Host", "metadata", "X-Forwarded-For", "Connection", "Transfer-Encoding", "TE")
    ],
    (a_job(tags={f"tag-{i}": "x" * 256 for i in range(50)}, action=request(body="b" * 8000)["action"]), "", "16384"),
    (a_job(tags={"a": "\0"}), "tags.a", "NUL"),
    (a_job(tags={"\0": "a"}), "tags", "NUL"),
    (request(body="\0"), "action.request.body", "NUL"),
    (b"[]", "", "JSON object"),
    (b"{", "", "not valid JSON"),
    (b'{"a": NaN}', "", "not valid JSON"),
    (b'{"a": "\xff"}', "", "not valid JSON"),
    (b'{"tags": {"a": "\\ud800"}}', "", "not valid JSON"),
    (b'{"action":' * 1000 + b"1" + b"}" * 1000, "", ""),
    (b'{"action":' * 20_000, "", "not valid JSON"),
    (b"", "action", "required"),
]


@pytest.mark.parametrize(("body", "field", "says"), REFUSED)
async def test_a_bad_job_is_refused_by_field_and_changes_nothing(api: Api, body: object, field: str, says: str) -> None:
    await api.call("PUT", "/collections/demo/jobs/old", a_job(recurrence=every(5)))
    before = await api.stored()
    for path in (HELLO, "/collections/demo/jobs/old"):
        reply = await api.call("PUT", path, body)
        assert reply.status == 400, reply.document
        assert reply.headers["Content-Type"] == "application/problem+json"
        assert says in reply.document["detail"]
        if field:
            assert reply.document["field"] == field
    assert await api.stored() == before


@pytest.mark.parametrize(
    "patch", [{"action": None}, {"timeout": 5}, {"recurrence": {"interval": 9999}}, {"nonsense": 1}, {"tags": {"a": 1}}]
)
async def test_a_bad_patch_changes_nothing(api: Api, patch: dict[str, Any]) -> None:
    await api.call("PUT", HELLO, a_job(recurrence=every(5)))
    before = await api.stored()
    assert (await api.call("PATCH", HELLO, patch)).status == 400
    assert await api.stored() == before


@pytest.mark.parametrize("name", ["-a", "a%2Fb", "a%20b", "a" * 129, "%C3%A9", "a+b", "a%23"])
async def test_a_name_outside_the_rules_is_refused(api: Api, name: str) -> None:
    before = await api.stored()
    for path in (f"/collections/demo/jobs/{name}", f"/collections/{name}"):
        body = a_job() if "jobs" in path else {}
        reply = await api.call("PUT", path, body)
        assert (reply.status, reply.document["field"]) == (400, "name")
    assert await api.stored() == before


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("$top=0", "$top"),
        ("$top=101", "$top"),
        ("$top=-1", "$top"),
        ("$top=x", "$top"),
        ("$top=%C2%B2", "$top"),
        ("$skip=-1", "$skip"),
        ("$skip=1e3", "$skip"),
        ("$skip=99999999999999999999", "$skip"),
        ("$filter=name eq x", "$filter"),
        ("$filter=state ne Enabled", "$filter"),
        ("$filter=state eq Broken", "$filter"),
        ("$filter=state eq 'Enabled", "$filter"),
    ],
)
async def test_a_bad_query_is_refused(api: Api, query: str, field: str) -> None:
    reply = await api.call("GET", f"/collections/demo/jobs?{query}")
    assert (reply.status, reply.document["field"]) == (400, field)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"sku": {"name": "Gold"}}, "sku.name"),
        ({"sku": "Free"}, "sku"),
        ({"state": "Deleted"}, "state"),
        ({"quota": {"maxJobCount": 0}}, "quota.maxJobCount"),
        ({"quota": {"maxRecurrence": {"interval": 2}}}, "quota.maxRecurrence.frequency"),
        ({"quota": {"maxRecurrence": {"frequency": "Hour", "interval": 0}}}, "quota.maxRecurrence.interval"),
        ({"quota": {"maxRecurrence": {"frequency": "Month", "interval": 10**9}}}, "quota.maxRecurrence.interval"),
        ({"quota": {"maxJobOccurrence": 0}}, "quota.maxJobOccurrence"),
        ({"quota": {"maxJobCount": 2**31}}, "quota.maxJobCount"),
        ({"locations": "West US"}, "locations"),
        ({"location": "x" * 91}, "location"),
        ({"tags": ["a"]}, "tags"),
    ],
)
async def test_a_bad_collection_is_refused_by_field_and_changes_nothing(
    api: Api, body: dict[str, Any], field: str
) -> None:
    before = await api.stored()
    for method, name in (("PUT", "new"), ("PUT", "demo"), ("PATCH", "demo")):
        reply = await api.call(method, f"/collections/{name}", body)
        assert (reply.status, reply.document["field"]) == (400, field)
    assert await api.stored() == before


async def test_an_address_with_a_nul_character_is_refused(api: Api) -> None:
    for path in ("/collections/demo/jobs/a%00", "/events/%00", "/collections?$filter=%00"):
        assert (await api.call("GET", path)).status == 400


async def test_a_body_that_is_not_encoded_as_it_says_is_refused(api: Api) -> None:
    for coding in ("gzip", "deflate"):
        reply = await api.call("PUT", HELLO, b"no such thing", Content_Encoding=coding)
        assert (reply.status, "not encoded" in reply.document["detail"]) == (400, True)


async def test_a_header_that_is_no_text_is_no_fault_of_the_scheduler(api: Api) -> None:
    await api.call("PUT", HELLO, a_job())
    refused = await api.call("POST", f"{HELLO}/run", x_ms_client_request_id="\udcff")
    assert (refused.status, refused.document["field"]) == (400, "x-ms-client-request-id")
    assert (await api.call("GET", HELLO, User_Agent="\udcff")).status == 200


@pytest.mark.parametrize("host", ["127.0.0.1:99999", "localhost:http"])
async def test_a_next_page_needs_a_host_that_is_one(api: Api, host: str) -> None:
    for name in ("a", "b"):
        await api.call("PUT", f"/collections/demo/jobs/{name}", a_job())
    reply = await api.call("GET", "/collections/demo/jobs?$top=1", Host=host)
    assert (reply.status, reply.document["field"]) == (400, "Host")


async def test_a_null_is_what_an_absent_field_is(api: Api) -> None:
    request = {"uri": "http://db-0/", "headers": None, "body": None}
    body = {"action": {"request": request, "retryPolicy": None}, "tags": None, "maintenance": {"byType": None}}
    assert (await api.call("PUT", HELLO, body)).status == 201
    assert (await api.call("PUT", "/collections/new", {"tags": None, "quota": None})).status == 201
    refused = await api.call("PUT", HELLO, {"action": {"request": {"uri": None}}})
    assert (refused.status, refused.document["field"]) == (400, "action.request.uri")


async def test_dots_in_names_are_no_nesting(api: Api) -> None:
    assert (await api.call("PUT", HELLO, a_job(tags={"a." * 60: "x"}))).status == 201


async def test_a_body_beyond_the_limit_is_refused_unread(api: Api) -> None:
    reply = await api.call("PUT", HELLO, b" " * (256 * 1024 + 1))
    assert reply.status == 413
    assert "more than 262144 bytes" in reply.document["detail"]


async def test_an_unknown_collection_is_404_for_everything_below_it(api: Api) -> None:
    below = "/collections/none/jobs"
    for method, path, body in (
        ("GET", below, None),
        ("PUT", f"{below}/x", a_job()),
        ("GET", f"{below}/x", None),
        ("POST", f"{below}/x/run", None),
        ("POST", f"{below}:batch", {"value": []}),
    ):
        reply = await api.call(method, path, body)
        assert reply.status == 404
        assert "none" in reply.document["detail"]
