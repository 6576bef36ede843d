"""Where accounts and namespaces are: what may stand in a template, and what in its place."""

import pytest

from services.scheduler.domain.endpoints import Endpoint

QUEUES = ("account", ("https", "http"))


@pytest.mark.parametrize(
    ("template", "address"),
    [
        ("https://{account}.queue.core.windows.net", "https://abc1.queue.core.windows.net"),
        ("https://{account}.queue.core.chinacloudapi.cn/", "https://abc1.queue.core.chinacloudapi.cn"),
        ("http://127.0.0.1:10001/{account}", "http://127.0.0.1:10001/abc1"),
        ("http://[::1]:10001/{account}", "http://[::1]:10001/abc1"),
        ("https://one.test", "https://one.test"),
    ],
)
def test_a_name_takes_its_place_in_lower_case(template: str, address: str) -> None:
    assert Endpoint.read(template, *QUEUES).at("Abc1") == address


@pytest.mark.parametrize(
    "template",
    [
        "",
        "queue.test",
        "ftp://{account}.test",
        "amqps://{account}.test",
        "https://{namespace}.test",
        "https://{account}.{account}.test",
        "https://user:password@{account}.test",
        "https://{account}.test?a=b",
        "https://{account}.test:0",
        "https://{account}.test:x",
        "https:///{account}",
        "http://{account}.queue.core.windows.net",
        "http://10.0.0.4/{account}",
    ],
)
def test_a_template_that_cannot_work_or_shows_credentials_is_refused(template: str) -> None:
    with pytest.raises(ValueError, match=r"write an address such as https://|shows credentials to the network"):
        Endpoint.read(template, *QUEUES)


@pytest.mark.parametrize(
    "name", ["", "a.b", "a/b", "a@b", "a:1", "a#", "a?", "-a", "a-", "ä", "a b", "a\n", "a" * 64, "%61"]
)
def test_a_name_that_would_change_the_address_is_refused(name: str) -> None:
    endpoint = Endpoint.read("https://{account}.test", *QUEUES)
    with pytest.raises(ValueError, match="can be no name here"):
        endpoint.at(name)
    assert endpoint.target(name) == name
