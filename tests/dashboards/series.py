"""Which series a panel reads: the schedulers' or the watchers', as the variables at a dashboard's head choose.

Several metrics have the same name in both services, so that every selector names the job. `fleet` is a label of targets
that tells several Leewards apart (k8s/monitoring/rules); with a single one it is missing, which `.*` matches, too.
"""

from collections.abc import Mapping
from typing import Final

_FLEET: Final = 'fleet=~"$fleet"'
_SCHEDULERS: Final = f'{_FLEET},job=~"$scheduler",instance=~"$replica"'
_WATCHERS: Final = f'{_FLEET},job=~"$watcher",instance=~"$vm"'


def scheduler(metric: str, **labels: str) -> str:
    """Return the selector of a metric of the chosen replicas; `labels` name values, after `~` as an expression."""
    return _selected(metric, _SCHEDULERS, labels)


def watcher(metric: str, **labels: str) -> str:
    """Return the selector of a metric of the chosen VMs' watchers."""
    return _selected(metric, _WATCHERS, labels)


def anybody(metric: str, **labels: str) -> str:
    """Return the selector of a metric that both services have, of all of them."""
    return _selected(metric, f'{_FLEET},job=~"$scheduler|$watcher"', labels)


def alerts(**labels: str) -> str:
    """Return the selector of Leeward's alerts, which Prometheus keeps as series."""
    return _selected("ALERTS", f'{_FLEET},alertname=~"Leeward.+"', labels)


def once(selector: str, *labels: str) -> str:
    """Return what every replica finds out about the same database and hosts, each fleet once; `labels` stay."""
    return f"sum by ({', '.join(labels)}) (max by ({', '.join(('fleet', *labels))}) ({selector}))"


def per_interval(selector: str) -> str:
    """Return by how much each counter rose between two points of a graph."""
    return f"increase({selector}[$__rate_interval])"


def in_range(selector: str) -> str:
    """Return by how much each counter rose in the range that is shown."""
    return f"increase({selector}[$__range])"


def quantile(share: float, buckets: str, *labels: str) -> str:
    """Return a quantile of what a histogram took in between two points of a graph."""
    by = ", ".join(("le", *labels))
    return f"histogram_quantile({share}, sum by ({by}) (rate({buckets}[$__rate_interval])))"


def quantile_of_rare(share: float, buckets: str, *labels: str) -> str:
    """Return a quantile of everything that a histogram of rare things held in the range that is shown.

    The first event of its kind brings its series along, a step that no rate sees; and a watcher that is gone has still
    measured what its last count tells.
    """
    by = ", ".join(("le", *labels))
    return f"histogram_quantile({share}, sum by ({by}) (max_over_time({buckets}[$__range])))"


def _selected(metric: str, usual: str, labels: Mapping[str, str]) -> str:
    more = (
        f'{name}=~"{value[1:]}"' if value.startswith("~") else f'{name}="{value}"' for name, value in labels.items()
    )
    return f"{metric}{{{','.join((usual, *more))}}}"
