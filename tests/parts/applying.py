"""Files to apply as texts, and what they would do to what is there."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from services.client.applying.files import File
from services.client.applying.form import Content, read_files
from services.client.applying.plan import Extent, Rules, Task, apply_plan, wanted_of
from services.client.applying.schema import Schema, schema_text
from services.client.moving.plan import There
from tests.parts.moving import TODAY

OURS = Rules(owner="files", extent=Extent.PRUNE)
_SCHEMA = Schema(schema_text())
REQUEST = {"request": {"uri": "http://web-0/x"}}


def read(*texts: str) -> Content:
    """Return what files called 1.yaml, 2.yaml, … with these texts hold."""
    files = [File(f"{number}.yaml", text) for number, text in enumerate(texts, 1)]
    return read_files(files, _SCHEMA)


def collection_doc(name: str = "demo", **more: Any) -> dict[str, Any]:
    """Return a collection as files have it."""
    return {"kind": "collection", "name": name, **more}


def job_doc(name: str = "hello", collection: str = "demo", **more: Any) -> dict[str, Any]:
    """Return a job as files have it."""
    return {"kind": "job", "collection": collection, "name": name, "action": REQUEST, **more}


def text_of(*documents: Any) -> str:
    """Return documents as one file of several."""
    return "\n---\n".join(msgspec.json.encode(one).decode() for one in documents)


def there(jobs: Iterable[Mapping[str, Any]], **collection: Any) -> There:
    """Return a scheduler that has the collection `demo` with these jobs, as the API shows them."""
    shown = {one["name"].lower(): {"collection": "demo", "state": "enabled", **one} for one in jobs}
    home = {"name": "demo", "state": "Enabled", "sku": {"name": "Unlimited"}, **collection}
    return There(collections={"demo": home}, jobs={"demo": shown})


def tasks_of(content: Content, present: There, rules: Rules = OURS) -> dict[str, Task]:
    """Return what would be done, by name."""
    assert content.faults == ()
    tasks = apply_plan(content.entries, wanted_of(content.entries, TODAY), present, rules)
    return {task.step.wanted.name: task for task in tasks}


def as_applied(content: Content, rules: Rules = OURS) -> list[dict[str, Any]]:
    """Return the jobs of files as the API shows them once they are applied."""
    tasks = tasks_of(content, There(collections={}, jobs={}), rules)
    steps = [task.step for task in tasks.values() if task.step.wanted.job]
    return [{**step.wanted.document, "name": step.wanted.job} for step in steps]
