"""Every topic of the bus contract, spelled once (docs/topics.md)."""

import re
from typing import NewType
from urllib.parse import quote

HostKey = NewType("HostKey", str)
"""A host's name as topics and stores use it: lower case, percent-encoded outside `[a-z0-9._-]`."""

DEFAULT_PREFIX = "leeward/v1"
RESPONDERS_BLOCK = "responders"
"""The block of a host's own watcher, while its responders are at work."""
_SAFE = re.compile(r"[^a-z0-9._~-]|~")
_PREFIX = re.compile(r"[^\s+#\x00/$][^\s+#\x00]*")


def host_key(name: str) -> HostKey:
    """Return the key of the host with Azure resource name `name` (case-insensitive, as Azure compares names)."""
    if not name:
        raise ValueError("a host name must not be empty")
    lowered = name.lower()
    return HostKey(_SAFE.sub(lambda match: quote(match[0], safe="") if match[0] != "~" else "%7E", lowered))


class Topics:
    """The topics below one prefix; builders for publishers, filters and `parse` for subscribers."""

    def __init__(self, prefix: str = DEFAULT_PREFIX) -> None:
        """Refuse (ValueError) a prefix with wildcards, blanks, or a slash at either end."""
        if not _PREFIX.fullmatch(prefix) or prefix.endswith("/"):
            raise ValueError(f"topic prefix {prefix!r}: use plain levels without + # blanks or slashes at the ends")
        self.prefix = prefix

    def status(self, host: HostKey) -> str:
        """Whether the host's watcher lives; retained, its will, and again every 10 s."""
        return f"{self.prefix}/hosts/{host}/status"

    def inventory(self, host: HostKey) -> str:
        """Who the host is: names, addresses, pools, group; retained."""
        return f"{self.prefix}/hosts/{host}/inventory"

    def events(self, host: HostKey) -> str:
        """The whole document as the host's watcher sees it; retained."""
        return f"{self.prefix}/hosts/{host}/events"

    def notice(self, host: HostKey, transition: str) -> str:
        """One transition of one event, for people and other programs; `transition` as in `NoticeKind`."""
        return f"{self.prefix}/notices/{host}/{transition}"

    def drain(self, host: HostKey, event_id: str) -> str:
        """How far the scheduler has emptied the host for an event; retained, cleared after."""
        return f"{self.prefix}/hosts/{host}/drains/{event_id.upper()}"

    def approve(self, host: HostKey) -> str:
        """The command to approve an event; MQTT 5 request/response."""
        return f"{self.prefix}/hosts/{host}/commands/approve"

    def block(self, host: HostKey, name: str) -> str:
        """Somebody's retained request that approvals on this host wait."""
        return f"{self.prefix}/hosts/{host}/blocks/{name}"

    def scheduler_status(self, replica: str) -> str:
        """Whether a scheduler replica lives; retained and its will."""
        return f"{self.prefix}/scheduler/{host_key(replica)}/status"

    def replies(self, asker: str) -> str:
        """What stands before the answering host in the topics of the replies to one asker."""
        return f"{self.prefix}/replies/{host_key(asker)}"

    def reply(self, asker: str, host: HostKey) -> str:
        """Where the replies of one host's watcher to one asker go: nobody else may write there."""
        return f"{self.replies(asker)}/{host}"

    def takes_replies(self, topic: str) -> bool:
        """Whether a reply may go to this topic: of the contract's own, to those for replies alone."""
        levels = self.parse(topic)
        return levels is None or (len(levels) > 1 and levels[0] == "replies")

    def execution(self, collection: str, job: str) -> str:
        """What became of a job's executions; CloudEvents, not retained."""
        return f"{self.prefix}/executions/{collection}/{job}"

    def all_hosts(self, leaf: str) -> str:
        """Filter for `status`, `inventory`, `events`, `drains/+` or `blocks/+` of every host."""
        return f"{self.prefix}/hosts/+/{leaf}"

    def all_schedulers(self, leaf: str) -> str:
        """Filter for `status` of every scheduler replica."""
        return f"{self.prefix}/scheduler/+/{leaf}"

    def parse(self, topic: str) -> tuple[str, ...] | None:
        """Split a topic below the prefix into its levels; None when it lies elsewhere."""
        if not topic.startswith(f"{self.prefix}/"):
            return None
        return tuple(topic[len(self.prefix) + 1 :].split("/"))
