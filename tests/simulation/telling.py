"""How the simulation is made, in words, with the numbers that it really uses; for docs/maintenance.md."""

from datetime import timedelta

from services.scheduler.domain.policies import NO_MAINTENANCE
from tests.simulation import azure, rollout, workload
from tests.simulation.world import HUDDLED, POOL_SIZE, Size

_REAL = """
**Real** is all that decides: planning and recurrences, overlap, placement, policies, lead times and deadlines, what is
known of durations, retries, the merge of what the watchers say, drains, approvals, holds and their paced release.
Azure's events live as [the emulator](emulator.md) has them, and are read by the watcher's own parser and tracker.
"""
_CHECKED = """
**Checked** in every run, by a referee that knows only what the watchers have published: each due instant (by plain
arithmetic) is planned once and ends once; nothing starts on a host that an event keeps it off, or where it would not be
done in time; nothing is approved while anything that heeds the event runs there; no occurrence runs twice at a time.
`make simulate` fails otherwise.
"""
_LIMITS = """
**Limits**: targets fail by interruptions alone. The scheduler's own delays are not in it
([performance.md](performance.md) has them), nor those of broker and database. A set's watchers are heard in two parts:
the one that polls first, and all others a second after the change. Without Leeward the jobs of a pool are spread as
Leeward does it, over hosts that are down, too: a load balancer with health checks would do better for these, and no
better for jobs pinned to a VM. Other jobs give other numbers: it matters most how many are pinned, and how long they
take.
"""


def told(size: Size) -> str:
    """Return what is real, what is simulated, what is checked, and where the limits are: a line each."""
    return "\n\n".join(" ".join(each.split()) for each in (_REAL, _simulated(size), _jobs(size), _CHECKED, _LIMITS))


def _simulated(size: Size) -> str:
    return f"""
    **Simulated** are time, the VMs, the targets and the I/O: one replica that needs no time, on a store in memory. Each
    scale set is updated one fault domain after the other, {_range(rollout.PAUSE, 60)} minutes apart, one event a host
    ({rollout.PAIRED:.0%}: two hosts at once), with 15 minutes of notice. {rollout.REBOOTED:.0%} of the sets reboot
    ({_range(azure.REBOOT_SECONDS)} s), the others freeze ({_range(azure.FREEZE_SECONDS)} s), up to
    {azure.IMPACT_WITHIN:g} s after the start; a freeze stays Started for about 5 minutes, a reboot for about 10, and an
    approved event begins {azure.START_DELAY:g} s later. {rollout.CANCELS:.0%} of the events are cancelled and come
    again, {rollout.HURRIES:.0%} come forward to 2 minutes. Beside the update {size.failing} hosts fail without notice,
    and {size.lost} vanish for ever (Preempt, Terminate).
    """


def _jobs(size: Size) -> str:
    rhythms = ", ".join(f"{share:.1%} every {_span(every)}" for every, share in size.rhythms)
    where = {name: f"{share:.0%}" for name, share in workload.WHERE}
    own = sum(share for choice, share in workload.CHOICES if choice is not NO_MAINTENANCE)
    return f"""
    **The jobs**: {where["uri"]} are pinned to a VM by their URI and have no pool, {where["pool"]} name a pool,
    {where["both"]} a host and its pool. A pool has {POOL_SIZE} hosts, one in each fault domain; in every {HUDDLED}th
    set all of a pool are in the same. {rhythms}; a third on the minute. Half of them usually take less than
    {workload.MEDIAN:g} s, the longest {workload.LONGEST / 60:g} minutes. {workload.RETRIED:.0%} have Azure's default
    retries, the others none. A reboot ends what runs; a freeze ends what runs of {workload.FRAGILE:.0%} of the jobs and
    delays the others. {own:.0%} make a choice of their own, among them 5% `Ignore` and 10% `leadTime: "auto"`.
    """


def _range(ends: tuple[float, float], unit: float = 1.0) -> str:
    return f"{ends[0] / unit:g} to {ends[1] / unit:g}"


def _span(every: timedelta) -> str:
    minutes = every // timedelta(minutes=1)
    hours, rest = divmod(minutes, 60)
    if rest or not hours:
        return "minute" if minutes == 1 else f"{minutes} minutes"
    return "hour" if hours == 1 else f"{hours} hours"
