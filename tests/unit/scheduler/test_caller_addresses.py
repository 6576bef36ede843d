"""By what address wrong tokens are counted."""

import pytest
from aiohttp.test_utils import make_mocked_request

from services.scheduler.api.authentication import address_of


@pytest.mark.parametrize(
    ("remote", "counted"),
    [
        ("10.1.2.3", "10.1.2.3"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:10.1.2.3", "::ffff:10.1.2.3"),
        ("", ""),
    ],
)
def test_an_ipv6_network_counts_as_one_address(remote: str, counted: str) -> None:
    assert address_of(make_mocked_request("GET", "/").clone(remote=remote)) == counted
