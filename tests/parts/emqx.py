"""The broker's access list in EMQX's words: `python -m tests.parts.emqx` writes the file that k8s/ ships."""

from collections.abc import Iterator

from tests.parts.manifests import K8S

ACCESS_LIST = K8S / "components/external-broker/acl.conf"
_MOSQUITTO = K8S / "base/broker/mosquitto.acl"
_HEADER = """\
%% The access list of k8s/base/broker/mosquitto.acl for EMQX 5, made from it by python -m tests.parts.emqx. Nobody has
%% run EMQX with it yet, so try it before you rely on it. docs/howto/tls-and-acl.md has the settings that go with it:
%% the certificate's common name as user name, and what no rule allows is denied.
%% EMQX judges a subscription by its filter: one that is wider than what is allowed here is refused as a whole.
"""
_DIRECTIONS = {"read": "subscribe", "write": "publish", "readwrite": "all", "deny": "all"}


def rendered() -> str:
    """Return the file. The first rule that fits decides here, so that denials come first, as Mosquitto takes them."""
    rules = sorted(_rules(), key=lambda rule: not rule.startswith("{deny"))
    return "\n".join([_HEADER, *rules, "{deny, all}.", ""])


def _rules() -> Iterator[str]:
    """Yield each rule of Mosquitto's list in EMQX's words; patterns are for all, and `%u` is who asks."""
    user = ""
    for line in _MOSQUITTO.read_text().splitlines():
        match line.split():
            case ["user", name]:
                user = name
            case ["pattern", right, topic]:
                yield _rule("all", right, topic.replace("%u", "${username}"))
            case ["topic", right, topic]:
                yield _rule(f'{{username, "{user}"}}', right, topic)


def _rule(who: str, right: str, topic: str) -> str:
    return f'{{{"deny" if right == "deny" else "allow"}, {who}, {_DIRECTIONS[right]}, ["{topic}"]}}.'


if __name__ == "__main__":
    ACCESS_LIST.write_text(rendered())
