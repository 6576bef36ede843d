"""A site as Prometheus scrapes it."""

from collections.abc import Iterator

from tests.parts.prometheus import Scrape
from tests.parts.site import Site


def scrapes_of(site: Site) -> Iterator[Scrape]:
    """Yield the scheduler and every watcher, under the names that the rules know them by."""
    scheduler = f"127.0.0.1:{site.ops_port}"
    yield Scrape(job="leeward-scheduler", address=scheduler, labels={"instance": "one"})
    for host, port in site.watcher_ops.items():
        yield Scrape(job="leeward-vmwatch", address=f"127.0.0.1:{port}", labels={"instance": host})
