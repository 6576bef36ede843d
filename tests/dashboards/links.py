"""Where a click on a graph leads: to the traces of that time, to one watcher's dashboard."""

import json
from typing import Final
from urllib.parse import quote

from tests.dashboards.panels import Link


def _explored(search: str) -> str:
    """Return the address in Grafana's Explore of a search in the data source for traces, at the time shown."""
    pane = {
        "datasource": "${traces}",
        "queries": [{"refId": "A", "queryType": "traceql", "query": search, "limit": 50}],
        "range": {"from": "${__from}", "to": "${__to}"},
    }
    panes = quote(json.dumps({"leeward": pane}))
    for name in ("traces", "__from", "__to"):  # what Grafana fills in itself stays readable to it
        panes = panes.replace(quote(f"${{{name}}}"), f"${{{name}}}")
    return f"/explore?schemaVersion=1&orgId=1&panes={panes}"


TRACES: Final = Link(
    title="Traces of these attempts",
    url=_explored('{resource.service.name="leeward-scheduler" && name="dispatch"}'),
)
THIS_WATCHER: Final = Link(
    title="This watcher",
    url="/d/leeward-watcher?${datasource:queryparam}&${fleet:queryparam}&${watcher:queryparam}"
    "&var-vm=${__field.labels.instance}&${__url_time_range}",
)
