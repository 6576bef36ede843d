"""The rules for Prometheus: sound, each tried by promtool, explained in docs/alerts.md, and the same everywhere."""

import re
from pathlib import Path

import msgspec
import pytest
import yaml
from prometheus_client import CollectorRegistry

from services.scheduler.metrics import Metrics as SchedulerMetrics
from services.vmwatch.metrics import Metrics as WatcherMetrics
from tests.parts.alerting import MONITORING, RULES, Rule, alerts, groups_of, rules
from tests.parts.operator_rules import MANIFEST, rendered
from tests.parts.promtool import promtool
from tests.parts.reference import DOCS

SEVERITIES = {"critical", "warning", "info"}
TRIALS = sorted((MONITORING / "tests").glob("*.yaml"))
ALERTS = alerts()
NAMES = [rule.alert for rule in ALERTS]
HEADING = re.compile(r"^### (Leeward\w+)$", re.MULTILINE)
METRIC = re.compile(r"\b(?:leeward|process)_[a-z_]+\b")
ONLY_BY_PROMTOOL = {
    "LeewardBacklogGrows": "needs more due than a machine can take, for minutes",
    "LeewardCatchUpWindowPassed": "all schedulers must be away for longer than the half minute they grant each other",
    "LeewardClockOff": "needs a machine with another clock",
    "LeewardDutyFails": "needs a defect",
    "LeewardMetadataThrottled": "a watcher that is refused asks less often: it takes minutes",
    "LeewardNothingIsClaimed": "what is due must wait for a minute",
    "LeewardNotReady": "needs a broker whose rules keep a watcher out; tests/bus has that without Prometheus",
    "LeewardNoticesDropped": "needs thousands of executions while the broker hangs",
    "LeewardOccurrencesDeferred": "needs over a thousand that wait for one target",
    "LeewardOutboxFull": "needs more messages than a test should make",
    "LeewardRestarts": "starts take seconds each, on a busy machine many",
    "LeewardSecretsUnderOldKeys": "all replicas must take a key into use that cannot open what is sealed",
    "LeewardVersionsDiffer": "there is one version here",
    "LeewardWatcherBlind": "takes ten minutes",
}
"""Alerts whose real situation would take too long or cannot be made here, and why."""
RECORDED = re.compile(r"\b[a-z_]+:leeward_[a-z_]+:[a-z0-9_]+\b")


class Trial(msgspec.Struct, frozen=True):
    """What one alert is expected to be at one moment of a trial."""

    alertname: str
    exp_alerts: list[object] = []


class Trials(msgspec.Struct, frozen=True, kw_only=True):
    """A trial of promtool's: series, and what becomes of them."""

    name: str
    alert_rule_test: list[Trial] = []


def trials() -> list[Trials]:
    documents = (yaml.safe_load(file.read_text()) for file in TRIALS)
    return [each for document in documents for each in msgspec.convert(document["tests"], list[Trials])]


def test_every_rule_file_is_sound() -> None:
    content, said = promtool("check", "rules", *map(str, RULES))
    assert content, said


@pytest.mark.parametrize("file", TRIALS, ids=lambda file: str(file.stem))
def test_every_rule_does_in_its_trials_what_it_is_for(file: Path) -> None:
    content, said = promtool("test", "rules", str(file))
    assert content, said


def test_every_alert_is_tried_where_it_fires_and_where_it_is_quiet() -> None:
    tried = [(each.alertname, bool(each.exp_alerts)) for found in trials() for each in found.alert_rule_test]
    assert [name for name in NAMES if {(name, True), (name, False)} - set(tried)] == []
    for found in trials():
        (trial,) = found.alert_rule_test or [Trial("")]
        assert not trial.alertname or found.name.startswith(
            f"{trial.alertname} {'fires' if trial.exp_alerts else 'is'}"
        )


def test_every_alert_is_tried_with_real_parts_unless_that_cannot_be() -> None:
    texts = "".join(file.read_text() for file in Path(__file__).parent.glob("test_alerts_about_*.py"))
    assert {name for name in NAMES if f'"{name}"' not in texts} == ONLY_BY_PROMTOOL.keys()


def test_every_recorded_figure_is_tried() -> None:
    text = (MONITORING / "tests" / "recording.yaml").read_text()
    assert [rule.record for rule in rules() if rule.record and f"round({rule.record}{{" not in text] == []


@pytest.mark.parametrize("rule", ALERTS, ids=NAMES)
def test_an_alert_says_how_bad_it_is_what_happened_and_where_help_is(rule: Rule) -> None:
    told = rule.annotations
    assert rule.labels["severity"] in SEVERITIES
    assert set(told) == {"summary", "description", "runbook_url"}
    assert told["runbook_url"] == f"{{{{ $externalLabels.leeward_docs }}}}/alerts.html#{rule.alert.lower()}"
    assert "$value" in told["description"] or "$labels" in told["description"] or rule.expr.startswith("absent(")
    assert told["description"].endswith((".", "?"))


def test_every_alert_says_why_it_waits_as_long_as_it_does() -> None:
    text = "".join(file.read_text() for file in RULES)
    blocks = re.split(r"^      - alert: ", text, flags=re.MULTILINE)[1:]
    assert len(blocks) == len(NAMES)
    assert [
        block.split("\n")[0] for block in blocks if not re.search(r"^        # .*\n        for: ", block, re.MULTILINE)
    ] == []


def test_the_alerts_page_has_a_section_for_every_alert_and_for_no_other_in_the_rules_order() -> None:
    ordered = [rule.alert for name in SECTIONS for group in groups_of(_file(name)) for rule in group.rules]
    assert HEADING.findall((DOCS / "alerts.md").read_text()) == ordered
    assert sorted(ordered) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_section_says_what_it_means_how_to_confirm_it_and_what_to_do(name: str) -> None:
    section = (DOCS / "alerts.md").read_text().split(f"### {name}\n")[1].split("\n#")[0]
    assert re.findall(r"^\*\*(\w[^*]*)\*\*", section, re.MULTILINE) == ["Means", "Confirm", "Do"]


def test_rules_ask_for_nothing_that_the_services_do_not_tell() -> None:
    told = _names(SchedulerMetrics("").registry) | _names(WatcherMetrics("").registry)
    recorded = {rule.record for rule in rules() if rule.record}
    for rule in rules():
        assert set(RECORDED.findall(rule.expr)) <= recorded, rule
        assert set(METRIC.findall(RECORDED.sub("", rule.expr))) <= told, rule


def test_the_operators_object_has_the_rules_of_the_files() -> None:
    assert MANIFEST.read_text() == rendered(), "make docs writes it anew"
    found = yaml.safe_load(MANIFEST.read_text())
    assert found["spec"]["groups"] == [each for file in RULES for each in yaml.safe_load(file.read_text())["groups"]]


def test_the_configuration_that_the_how_to_shows_is_one_that_prometheus_takes(tmp_path: Path) -> None:
    shown = (DOCS / "howto" / "prometheus.md").read_text().split("```yaml\n")[1].split("```")[0]
    file = tmp_path / "prometheus.yml"
    file.write_text(shown)
    content, said = promtool("check", "config", "--syntax-only", str(file))
    assert content, said
    assert [job["job_name"] for job in yaml.safe_load(shown)["scrape_configs"]] == [
        "leeward-scheduler",
        "leeward-vmwatch",
    ]


SECTIONS = ("scrape", "fleet", "watcher", "dispatch", "access")


def _file(name: str) -> Path:
    return MONITORING / "rules" / f"{name}.yaml"


def _names(registry: CollectorRegistry) -> set[str]:
    suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum")}
    return {f"{family.name}{suffix}" for family in registry.collect() for suffix in suffixes.get(family.type, ("",))}
