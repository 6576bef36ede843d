"""The emulated instance document: its parts, its forms, its versions."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from services.vmwatch.emulator import unverified
from services.vmwatch.emulator.fleet import Fleet, Vm
from services.vmwatch.emulator.instance_document import INSTANCE_VERSIONS
from services.vmwatch.emulator.wire import EVENT_VERSIONS
from services.vmwatch.imds import ImdsClient
from services.vmwatch.instance import Overrides
from tests.parts.watching import emulator

METADATA = {"Metadata": "true"}
FLEET = Fleet(
    vms=(Vm(name="web_18", scale_set="web", computer_name_prefix="w", pools=("web",), addresses=("10.0.0.4", "fd::4")),)
)


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """A plain client."""
    async with aiohttp.ClientSession(headers=METADATA) as session:
        yield session


@pytest.mark.parametrize(
    ("path", "query", "status", "body"),
    [
        ("/compute/name", {"format": "text"}, 200, "web_18"),
        ("/compute/osProfile/computerName", {"format": "text"}, 200, "w00000i"),
        ("/compute/name", {}, unverified.LEAF_AS_JSON_STATUS, None),
        ("/compute/zone", {"format": "text"}, 200, ""),
        ("/compute/tagsList/0", {}, 200, '{"name":"leeward-pools","value":"web"}'),
        ("/network/interface", {"format": "text"}, 200, "0/\n1/"),
        ("/compute/nothing", {"format": "text"}, 404, None),
    ],
)
async def test_parts_can_be_asked_for(
    http: aiohttp.ClientSession, path: str, query: dict[str, str], status: int, body: str | None
) -> None:
    async with emulator(fleet=FLEET) as imds:
        url = f"{imds.url('web_18')}/metadata/instance{path}"
        async with http.get(url, params={"api-version": "2021-05-01"} | query) as response:
            assert response.status == status
            assert body is None or await response.text() == body


async def test_the_real_client_reads_a_scale_set_s_member(http: aiohttp.ClientSession) -> None:
    async with emulator(fleet=FLEET) as imds, ImdsClient(imds.url("web_18")) as client:
        found = await client.read_instance(Overrides())
        assert (found.host, found.computer_name, found.scale_set) == ("web_18", "w00000i", "web")
        assert found.resource.endswith("/virtualMachineScaleSets/web/virtualMachines/18")
        assert found.addresses == ("10.0.0.4", "fd::4")


async def test_the_list_of_versions_lacks_those_of_scheduled_events(http: aiohttp.ClientSession) -> None:
    async with emulator() as imds:
        async with http.get(f"{imds.url('db-0')}/metadata/versions") as response:
            listed = (await response.json())["apiVersions"]
        assert listed == list(INSTANCE_VERSIONS)
        assert [version for version in EVENT_VERSIONS if version not in listed] == [
            "2017-11-01",
            "2019-01-01",
            "2019-04-01",
            "2020-07-01",
        ]
