"""Pages of a list."""

import pytest
from aiohttp.test_utils import make_mocked_request

from services.scheduler.errors import InvalidInputError
from services.scheduler.portal.paging import COUNTED, ROWS, pager, query_with, read_number


def test_a_list_is_told_from_where_to_where_it_is_shown() -> None:
    request = make_mocked_request("GET", "/portal/jobs?state=enabled&page=2&notice=ran")
    shown = pager(request, ROWS, 3 * ROWS)
    assert (shown.first, shown.last) == (ROWS + 1, 2 * ROWS)
    assert (shown.earlier, shown.later) == ("?state=enabled&page=1", "?state=enabled&page=3")


@pytest.mark.parametrize(
    ("rows", "total", "has_later"), [(0, 0, False), (ROWS, ROWS, False), (ROWS, ROWS + 1, True), (ROWS, COUNTED, True)]
)
def test_there_is_a_later_page_only_if_something_may_be_on_it(rows: int, total: int, has_later: bool) -> None:
    shown = pager(make_mocked_request("GET", "/portal/jobs"), rows, total)
    assert (shown.earlier, shown.later is not None) == (None, has_later)


@pytest.mark.parametrize("page", ["0", "-1", "x", "1e9", "9999999999", "²"])
def test_what_is_no_page_is_refused(page: str) -> None:
    with pytest.raises(InvalidInputError, match="is no page"):
        read_number(make_mocked_request("GET", f"/portal/jobs?page={page}"))


def test_a_link_changes_one_thing_and_keeps_the_rest() -> None:
    request = make_mocked_request("GET", "/portal/jobs?q=a%26b&sort=name")
    assert query_with(request, sort="next") == "?q=a%26b&sort=next"
    assert query_with(request, q="", sort="") == "?"
