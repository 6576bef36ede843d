"""Files to import, and a short way to read them."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from services.client.documents import read_document
from services.client.moving.parameters import Given, read_given
from services.client.moving.sources import Foreign, read_source
from services.client.moving.translation import Wanted, translate

SAMPLES = Path(__file__).parents[1] / "data" / "moving"
TODAY = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def sample(name: str) -> Any:
    """Return what a sample file holds."""
    return read_document(str(SAMPLES / name))


def given(**values: Any) -> Given:
    """Return values for a template's parameters, as a parameters file gives them."""
    return read_given({"parameters": {name: {"value": value} for name, value in values.items()}}, {})


def wanted(document: Any, collection: str | None = None, **values: Any) -> dict[str, Wanted]:
    """Return everything of ours that a document holds, by name."""
    found = [one for one in read_source(document, given(**values), collection) if not isinstance(one, Foreign)]
    return {one.name: translate(one, TODAY) for one in found}


def template(*resources: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return an ARM template."""
    schema = "https://schema.management.azure.com/schemas/2015-01-01/deploymentTemplate.json#"
    return {"$schema": schema, "contentVersion": "1.0.0.0", "resources": list(resources), **more}


def job_resource(name: str, **properties: Any) -> dict[str, Any]:
    """Return a job of a template."""
    return {"type": "Microsoft.Scheduler/jobCollections/jobs", "name": name, "properties": properties}
