"""The broker as the manifests run it: its files where it looks for them, a renewed certificate without a restart."""

import asyncio
import os
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509

from tests.parts.emqx import ACCESS_LIST
from tests.parts.emqx import rendered as emqx_rules
from tests.parts.manifests import containers, named, rendered
from tests.parts.shipped_broker import SHIPPED, ShippedBroker
from tests.parts.waiting import until

_EMQX = re.compile(r"^\{(allow|deny), (all|\{username, \"[a-z-]+\"\}), (publish|subscribe|all), \[\"[^\"]+\"\]\}\.$")


def test_it_gets_the_files_that_are_tried_on_a_real_broker() -> None:
    [data] = [
        each["data"]
        for each in rendered("production")
        if each["kind"] == "ConfigMap" and each["metadata"]["name"].startswith("leeward-broker-")
    ]
    assert data == {name: (SHIPPED / name).read_text() for name in data}
    assert data.keys() == {"mosquitto.conf", "mosquitto.acl", "start.sh", "reload.sh"}


def test_it_finds_them_where_its_configuration_says() -> None:
    spec = named(rendered("production"), "StatefulSet", "leeward-broker")["spec"]
    broker = spec["template"]["spec"]["containers"][0]
    mounts = {each["mountPath"]: each["name"] for each in broker["volumeMounts"]}
    text = (SHIPPED / "mosquitto.conf").read_text()
    places = {
        Path(found).parent
        for found in re.findall(r"^\w+file (/\S+)|^acl_file (/\S+)", text, re.MULTILINE)
        for found in found
        if found
    }
    assert {str(place) for place in places} <= mounts.keys()
    [data] = re.findall(r"^persistence_location (\S+)/$", text, re.MULTILINE)
    assert mounts[data] == spec["volumeClaimTemplates"][0]["metadata"]["name"]
    assert f"\nlistener {broker['ports'][0]['containerPort']}\n" in text
    assert "\nset_tcp_nodelay true\n" in text


def test_probes_of_a_broker_that_wants_certificates_ask_for_a_connection_alone() -> None:
    pod = named(rendered("production"), "StatefulSet", "leeward-broker")["spec"]["template"]
    probes = [probe for each in containers(pod) for name, probe in each.items() if name.endswith("Probe")]
    assert len(probes) == 3
    assert all(probe["tcpSocket"] == {"port": "mqtts"} for probe in probes)


async def test_a_renewed_certificate_is_shown_without_a_restart(tmp_path: Path) -> None:
    broker = ShippedBroker(tmp_path)
    start = ["/bin/sh", str(SHIPPED / "start.sh")]
    places = {
        "CONFIG_DIR": str(tmp_path),
        "RUN_DIR": str(tmp_path),
        "CERTS_DIR": str(tmp_path),
        "EVERY_SECONDS": "0.05",
    }
    path = f"{os.environ['PATH']}:/usr/sbin"
    async with running(start, {**places, "PATH": path}) as process:
        await until(lambda: is_shown(broker, 0))
        first = await serial(broker)
        async with running(["/bin/sh", str(SHIPPED / "reload.sh")], {**places, "PATH": path}):
            broker.show("localhost", "127.0.0.1", expires=datetime.now(UTC) + timedelta(days=9))
            await until(lambda: is_shown(broker, first))
        assert await serial(broker) != first
        assert process.returncode is None


@asynccontextmanager
async def running(command: list[str], environment: dict[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a command; killed at the end."""
    quiet = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(*command, env=environment, stdout=quiet, stderr=quiet)
    try:
        yield process
    finally:
        process.kill()
        await process.wait()


async def serial(broker: ShippedBroker) -> int:
    """Return the serial number of the certificate that a broker shows."""
    context = ssl.create_default_context(cafile=broker.ca)
    _, writer = await asyncio.open_connection("localhost", broker.port, ssl=context)
    shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    return x509.load_der_x509_certificate(shown).serial_number


async def is_shown(broker: ShippedBroker, before: int) -> bool:
    """Whether a broker shows another certificate than before."""
    try:
        return await serial(broker) != before
    except OSError:
        return False


def test_the_access_list_for_emqx_says_the_same() -> None:
    assert ACCESS_LIST.read_text() == emqx_rules(), "python -m tests.parts.emqx writes it anew"
    rules = [line for line in ACCESS_LIST.read_text().splitlines() if line.startswith("{")]
    assert all(_EMQX.match(line) for line in rules[:-1])
    assert rules[-1] == "{deny, all}."
