"""What an operator can set about Home Assistant."""

from collections.abc import Iterator

from shared.topics import Topics


def home_assistant_faults(prefix: str, *, topic_prefix: str, is_remote: bool) -> Iterator[str]:
    """Yield what is wrong with Home Assistant's prefix; nothing when it is empty, which turns the option off."""
    if not prefix:
        return
    if is_remote:
        yield "home_assistant_prefix: leave it out with imds_url=none, as such a watcher is no VM that could be shown"
    try:
        theirs, ours = Topics(prefix), Topics(topic_prefix)
    except ValueError as fault:
        yield f"home_assistant_prefix={prefix}: {fault}"
        return
    if theirs.parse(f"{ours.prefix}/status") is not None or ours.parse(f"{prefix}/status") is not None:
        yield f"home_assistant_prefix={prefix}: choose one apart from topic_prefix, such as homeassistant"
