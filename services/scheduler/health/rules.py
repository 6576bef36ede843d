"""The alerts that a replica can judge by itself; a test holds their limits to those in `k8s/monitoring/rules`."""

from datetime import timedelta
from enum import StrEnum

import msgspec

from services.scheduler.health.conditions import Above, AnyZero, Burns, Condition, Grows, Off, Rose, Stuck, Zero

MINUTE = timedelta(minutes=1)


class Area(StrEnum):
    """What a rule is about."""

    STORE = "store"
    BUS = "bus"
    LATENESS = "lateness"
    REPLICAS = "replicas"
    CLOCK = "clock"
    DUTIES = "duties"
    TARGETS = "targets"
    SECRETS = "secrets"
    HOSTS = "hosts"


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One alert: what is the matter once its condition has held for so long, and what to do."""

    alert: str
    area: Area
    condition: Condition
    lasts: timedelta = timedelta()
    why: str
    advice: str


RULES = (
    Rule(
        alert="LeewardStoreDown",
        area=Area.STORE,
        condition=Zero(metric="leeward_store_up"),
        lasts=MINUTE,
        why="The database does not answer: nothing is claimed, and outcomes wait in memory.",
        advice="Look at the database and at the way to it; nothing is lost as long as this process lives.",
    ),
    Rule(
        alert="LeewardOutcomesNotRecorded",
        area=Area.STORE,
        condition=Stuck(waiting="leeward_outcomes_waiting", done="leeward_outcomes_written_total", window=2 * MINUTE),
        lasts=MINUTE,
        why="Outcomes of executions wait and are not written; what they tell of is repeated if this process ends now.",
        advice="Do not restart it. Look whether the database takes writes: full disk, locks, a standby.",
    ),
    Rule(
        alert="LeewardSchedulerBusDown",
        area=Area.BUS,
        condition=Zero(metric="leeward_bus_connected"),
        lasts=2 * MINUTE,
        why="There is no connection to the broker: no new event is heard, and none can be approved.",
        advice="Look whether the broker runs and lets this replica in; jobs run meanwhile by what was known.",
    ),
    Rule(
        alert="LeewardMessagesUnreadable",
        area=Area.BUS,
        condition=Rose(
            metric="leeward_messages_refused_total",
            window=5 * MINUTE,
            label="reason",
            among=("invalid", "too-large"),
        ),
        lasts=10 * MINUTE,
        why="Messages come again and again that are not of the contract.",
        advice="The log names the topics: is there a watcher of another version?",
    ),
    Rule(
        alert="LeewardMessagesForged",
        area=Area.BUS,
        condition=Rose(
            metric="leeward_messages_refused_total",
            window=15 * MINUTE,
            label="reason",
            among=("not-entitled", "flood"),
        ),
        why="Somebody says on the bus what is not his to say.",
        advice="The log names the topics; look at the broker's access list and at who has which certificate.",
    ),
    Rule(
        alert="LeewardOutboxFull",
        area=Area.BUS,
        condition=Rose(
            metric="leeward_messages_refused_total", window=15 * MINUTE, label="reason", among=("outbox-full",)
        ),
        why="The broker takes messages too slowly, and some of our own were dropped.",
        advice="Look at the broker's load and its limits for one client.",
    ),
    Rule(
        alert="LeewardNothingIsClaimed",
        area=Area.LATENESS,
        condition=Above(metric="leeward_oldest_due_seconds", limit=60),
        lasts=2 * MINUTE,
        why="Due jobs are not taken: what waits longest has been due for over a minute.",
        advice="Is any scheduler ready, and does it reach the database? Its log says what it waits for.",
    ),
    Rule(
        alert="LeewardBacklogGrows",
        area=Area.LATENESS,
        condition=Grows(metric="leeward_backlog_jobs", limit=100, most=10_000, window=10 * MINUTE),
        lasts=10 * MINUTE,
        why="More comes due than the schedulers take.",
        advice="Add a replica, or raise LEEWARD_RUNNERS; look whether the database keeps up.",
    ),
    Rule(
        alert="LeewardLatenessBudgetBurnsFast",
        area=Area.LATENESS,
        condition=Burns(factor=14.4, long=60 * MINUTE, short=5 * MINUTE, least=5),
        lasts=2 * MINUTE,
        why="Many jobs start more than a second late.",
        advice="Look at full targets, at the backlog and at this machine's load.",
    ),
    Rule(
        alert="LeewardOccurrencesMissed",
        area=Area.LATENESS,
        condition=Rose(
            metric="leeward_missed_occurrences_total",
            window=60 * MINUTE,
            label="reason",
            among=("no_host", "host_lost", "not_plannable", "other"),
        ),
        why="Occurrences were missed within the last hour.",
        advice="The histories of the jobs say why: a host that nobody reports, or one that is not coming back.",
    ),
    Rule(
        alert="LeewardLeaseTakenOver",
        area=Area.REPLICAS,
        condition=Rose(metric="leeward_lease_takeovers_total", window=15 * MINUTE),
        why="Another scheduler died or hung within the last quarter of an hour; what ran there is repeated.",
        advice="Look at why it ended: its last lines, or whether it was out of memory.",
    ),
    Rule(
        alert="LeewardLeaseLost",
        area=Area.REPLICAS,
        condition=Rose(metric="leeward_leases_lost_total", window=15 * MINUTE),
        why="This replica was taken for dead and is not: it hung, or did not reach the database.",
        advice="Look at this machine: frozen, out of memory, or cut off from the database?",
    ),
    Rule(
        alert="LeewardOutcomesRefused",
        area=Area.REPLICAS,
        condition=Rose(metric="leeward_outcomes_refused_total", window=15 * MINUTE),
        why="Executions were repeated that had ended, as another replica had taken them over.",
        advice="The same as for a lost lease; targets that mind repeats compare webhook-id.",
    ),
    Rule(
        alert="LeewardClockOff",
        area=Area.CLOCK,
        condition=Off(metric="leeward_clock_offset_seconds", limit=1),
        lasts=5 * MINUTE,
        why="This machine's clock is more than a second away from the database's, by which jobs run.",
        advice="Look at time synchronisation (chrony) on this machine, then on the database's.",
    ),
    Rule(
        alert="LeewardDutyFails",
        area=Area.DUTIES,
        condition=Rose(metric="leeward_duty_failures_total", window=15 * MINUTE),
        why="A duty of this process met a defect and went on.",
        advice="The log has the trace: that is worth a bug report (leeward bundle).",
    ),
    Rule(
        alert="LeewardTargetsFull",
        area=Area.TARGETS,
        condition=Above(metric="leeward_targets_full", limit=0),
        lasts=10 * MINUTE,
        why="Targets have as many calls under way as they may have, and due jobs wait for them.",
        advice="Make the targets answer faster, or raise LEEWARD_TARGET_CONCURRENCY.",
    ),
    Rule(
        alert="LeewardHostsFull",
        area=Area.TARGETS,
        condition=Above(metric="leeward_hosts_full", limit=0),
        lasts=30 * MINUTE,
        why="Hosts have as many executions as they may have.",
        advice="Add hosts to the pool, or raise LEEWARD_HOST_CAPACITY or the tag leeward-capacity.",
    ),
    Rule(
        alert="LeewardOccurrencesDeferred",
        area=Area.TARGETS,
        condition=Rose(metric="leeward_deferred_occurrences_total", window=5 * MINUTE),
        lasts=15 * MINUTE,
        why="Due jobs are put off: over a thousand wait for the same target or host.",
        advice="As for full targets; a capacity smaller than the number of replicas leaves some nothing.",
    ),
    Rule(
        alert="LeewardSecretsFail",
        area=Area.SECRETS,
        condition=Rose(
            metric="leeward_secret_failures_total",
            window=15 * MINUTE,
            label="reason",
            among=("unknown_key", "missing", "refused"),
        ),
        why="Secrets of jobs could not be opened, and the calls that need them fail.",
        advice="Is a key gone from the keys file, or a file that jobs refer to? The log names the jobs.",
    ),
    Rule(
        alert="LeewardSecretsUnderOldKeys",
        area=Area.SECRETS,
        condition=Above(metric="leeward_secrets_under_old_keys", limit=0),
        lasts=60 * MINUTE,
        why="Secrets of jobs are still sealed under an older key.",
        advice="Do not remove that key; the log says which could not be sealed again.",
    ),
    Rule(
        alert="LeewardFileNotInForce",
        area=Area.SECRETS,
        condition=AnyZero(metric="leeward_file_in_force", label="file"),
        lasts=5 * MINUTE,
        why="A changed file (keys, tokens or certificate) cannot be used; what it said before stays in force.",
        advice="Mend it before the next restart, which would not get past it; the log names the line.",
    ),
    Rule(
        alert="LeewardDrainOverdue",
        area=Area.HOSTS,
        condition=Above(metric="leeward_drains", limit=0, labels={"state": "overdue"}),
        why="An event begins while jobs still run on its host.",
        advice="Give such jobs atDeadline, or a leadTime of `auto`.",
    ),
    Rule(
        alert="LeewardWatchersUnheard",
        area=Area.HOSTS,
        condition=Above(metric="leeward_watchers", limit=0, labels={"state": "offline"}),
        lasts=20 * MINUTE,
        why="Hosts are without a watcher: their events are seen by neighbours only, if by anybody.",
        advice="Look at leeward-vmwatch on the hosts whose watcher is offline.",
    ),
    Rule(
        alert="LeewardHostsLost",
        area=Area.HOSTS,
        condition=Above(metric="leeward_hosts_lost", limit=0),
        lasts=10 * MINUTE,
        why="Hosts were taken away and have not come back; jobs that are pinned to them are missed.",
        advice="Start them again, or give those jobs another host or a pool.",
    ),
    Rule(
        alert="LeewardJobsHeldLong",
        area=Area.HOSTS,
        condition=Above(metric="leeward_occurrences", limit=0, labels={"state": "held"}),
        lasts=timedelta(hours=12),
        why="Occurrences wait for hosts that jobs are kept off.",
        advice="Half a day of that is too long. Was a cordon forgotten? Release the host.",
    ),
)
