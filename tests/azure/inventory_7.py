"""What Microsoft's client 7.0.0 offers: prints its operations and the fields of its models as JSON."""

import inspect
import json
import sys

from azure.mgmt.scheduler import models
from azure.mgmt.scheduler.operations import JobCollectionsOperations, JobsOperations

groups = {"job_collections": JobCollectionsOperations, "jobs": JobsOperations}
operations = [
    f"{group}.{name}"
    for group, kind in groups.items()
    for name, member in inspect.getmembers(kind)
    if inspect.isfunction(member) and not name.startswith("_")
]
fields = {
    name: [attribute["key"] for attribute in vars(model)["_attribute_map"].values()]
    for name, model in inspect.getmembers(models, inspect.isclass)
    if "_attribute_map" in vars(model)
}
json.dump({"operations": operations, "fields": fields}, sys.stdout)
