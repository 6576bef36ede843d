"""A run asked for while its host is cordoned: its decisions tell why it waited, and that it ran there afterwards."""

from tests.parts.site import Site

ONCE = "/collections/demo/jobs/once"


async def test_the_decisions_of_a_held_run_tell_of_the_cordon_and_of_the_run_after_it(site: Site) -> None:
    await site.create_job("once", "/once", every=None, placement={"host": "db-0"}, startTime="2030-01-01T00:00:00Z")
    await site.call("POST", "/hosts/db-0/cordon", {"reason": "disks are being replaced"})
    await site.call("POST", f"{ONCE}/run")
    await site.until_host(lambda hosts: hosts["db-0"]["held"] == 1)
    await site.call("POST", "/hosts/db-0/release", {})
    await site.targets.until_hit("/once")

    async def is_told() -> bool:
        return len((await site.call("GET", f"{ONCE}/decisions"))["value"]) == 2

    await site.until(is_told)
    ran, held = (await site.call("GET", f"{ONCE}/decisions"))["value"]
    assert held["explanation"] == "It was held for db-0, cordoned by hand: disks are being replaced."
    assert (held["decision"], held["cause"], held["event"]["eventId"]) == ("held", "cordon", "cordon")
    assert ran["explanation"] == (
        "It ran on db-0 after having been held for it (a cordon): that is the host it is for."
    )
    assert (ran["occurrenceId"], ran["heldFor"]) == (held["occurrenceId"], "db-0")
