"""Fixtures for tests of programs that watch Scheduled Events; pytest finds them where Leeward is installed.

Nothing of the emulator is imported before a test asks for it: the plugin is loaded by every run of pytest.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Protocol

import pytest

if TYPE_CHECKING:
    from services.vmwatch.emulator.testing import EmulatedImds

_MARK = "leeward_imds"


class StartImds(Protocol):
    """Starts an emulator that ends with the test; takes the arguments of EmulatedImds."""

    def __call__(self, *vms: str, **options: Any) -> "EmulatedImds":
        """Return it once it listens."""
        ...


def pytest_configure(config: pytest.Config) -> None:
    """Make the mark known, for projects that allow none they have not declared."""
    config.addinivalue_line("markers", f"{_MARK}(*vms, speed=1.0, **options): the emulator of the fixture {_MARK}")


@pytest.fixture
def start_leeward_imds() -> Iterator[StartImds]:
    """Give a function that starts emulators, for tests that need several or choose late."""
    from services.vmwatch.emulator.testing import EmulatedImds

    with ExitStack() as running:
        yield lambda *vms, **options: running.enter_context(EmulatedImds(vms, **options))


@pytest.fixture
def leeward_imds(request: pytest.FixtureRequest, start_leeward_imds: StartImds) -> "EmulatedImds":
    """Give a running emulator: VMs db-0, db-1 and web-0, or what the mark `leeward_imds` says."""
    mark = request.node.get_closest_marker(_MARK)
    return start_leeward_imds(*mark.args, **mark.kwargs) if mark else start_leeward_imds()
