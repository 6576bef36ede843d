"""How long the audit log is kept is the operator's choice."""

import pytest

from services.scheduler.settings import Settings
from shared.settings import SettingsError, load


def test_it_is_kept_for_more_than_a_year_unless_told_otherwise() -> None:
    assert load(Settings, {}).audit_days == 400
    assert load(Settings, {"LEEWARD_AUDIT_DAYS": "0"}).audit_days == 0


@pytest.mark.parametrize("days", ["-1", "36501"])
def test_a_time_that_cannot_be_reckoned_with_is_refused(days: str) -> None:
    with pytest.raises(SettingsError, match=rf"audit_days={days}: use 0 \(for ever\) to 36500"):
        load(Settings, {"LEEWARD_AUDIT_DAYS": days})
