"""Topics of the bus contract."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.topics import Topics, host_key


@pytest.mark.parametrize(
    ("name", "key"),
    [("DB-0", "db-0"), ("a b", "a%20b"), ("a/b+#", "a%2Fb%2B%23"), ("ü", "%C3%BC")],
)
def test_a_host_key_is_lower_case_and_encoded(name: str, key: str) -> None:
    assert host_key(name) == key


@given(st.text(min_size=1, max_size=20))
def test_a_host_key_is_one_safe_topic_level(name: str) -> None:
    try:
        key = host_key(name)
    except UnicodeEncodeError:
        return  # half a character pair is no name
    assert key
    assert not set(key) & set("/+#\0 ")


def test_a_host_without_name_has_no_key() -> None:
    with pytest.raises(ValueError, match="empty"):
        host_key("")


def test_a_topic_is_read_back_into_its_levels() -> None:
    topics = Topics()
    assert topics.parse(topics.drain(host_key("db-0"), "a1b2")) == ("hosts", "db-0", "drains", "A1B2")
    assert topics.parse("elsewhere/hosts/db-0/status") is None


@pytest.mark.parametrize("prefix", ["", "/a", "a/", "a/+", "#", "a b", "$SYS"])
def test_a_prefix_that_cannot_be_one_is_refused(prefix: str) -> None:
    with pytest.raises(ValueError, match="prefix"):
        Topics(prefix)
