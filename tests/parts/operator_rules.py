"""The rules as the Prometheus Operator takes them: one PrometheusRule, made from the plain files."""

from pathlib import Path
from typing import Any

import yaml

from tests.parts.alerting import RULES

MANIFEST = Path(__file__).parents[2] / "k8s" / "components" / "prometheus-rules" / "rules.yaml"


def rendered() -> str:
    """Return the manifest."""
    groups: list[Any] = [group for file in RULES for group in yaml.safe_load(file.read_text())["groups"]]
    document = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {
            "name": "leeward",
            "namespace": "leeward",
            "labels": {"app.kubernetes.io/name": "leeward", "app.kubernetes.io/part-of": "leeward"},
        },
        "spec": {"groups": groups},
    }
    text: str = yaml.safe_dump(document, sort_keys=False, width=1000, allow_unicode=True)
    return f"# Made from k8s/monitoring/rules by `make docs`: change them there.\n{text}"
