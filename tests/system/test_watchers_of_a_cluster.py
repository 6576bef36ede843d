"""Real watchers that share one identity, as the pods of a DaemonSet do, on the broker as it is shipped."""

from datetime import datetime
from pathlib import Path

from shared.bus import BusSettings
from tests.parts.certificates import Authority
from tests.parts.shipped_broker import ShippedBroker
from tests.parts.site import Site


class ClusterBroker(ShippedBroker):
    """Gives every watcher the certificate of its cluster."""

    def settings(self, name: str, *, expires: datetime | None = None, by: Authority | None = None) -> BusSettings:
        """Return the settings of an identity; a host has none of its own."""
        return super().settings(name if name.startswith("leeward-") else "leeward-vmwatch", expires=expires, by=by)


async def test_a_reboot_is_seen_drained_approved_and_over(tmp_path: Path) -> None:
    broker = ClusterBroker(tmp_path / "broker")
    async with Site(tmp_path, hosts=("db-0", "db-1"), settings={}, broker=broker).running() as site:
        await site.create_job("backup", "/backup", placement={"host": "db-0"})
        await site.targets.until_hit("/backup")
        event_id = await site.raise_event("Reboot", "db-0")
        known = await site.until_event(event_id, lambda known: known["outcome"] == "completed")
        assert known["approval"]["by"].startswith("one via db-")
        assert {approval["eventId"] for approval in await site.approvals()} == {event_id}
        await site.until_host(lambda hosts: all(host["condition"] == "available" for host in hosts.values()))
        assert not any("not heard back" in watcher.said for watcher in site.watchers.values())
