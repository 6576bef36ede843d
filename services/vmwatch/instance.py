"""Reads the instance document: who this VM is, as the bus tells it (reference §1.14)."""

from typing import Final

import msgspec

from services.vmwatch.documents import decode_body
from services.vmwatch.errors import DocumentError
from services.vmwatch.names import computer_name_of, instance_of
from shared.messages import Inventory

INSTANCE_API_VERSION: Final = "2021-05-01"
"""The oldest version with every field that is read here: the flexible scale set's id came last, in 2021-03-01."""
POOLS_TAG: Final = "leeward-pools"


class Overrides(msgspec.Struct, frozen=True, kw_only=True):
    """What the operator fixed instead of Azure: LEEWARD_HOST, LEEWARD_POOLS, LEEWARD_GROUP."""

    host: str | None = None
    pools: tuple[str, ...] = ()
    group: str | None = None


class _OsProfile(msgspec.Struct, rename="camel"):
    computer_name: str = ""


class _ScaleSet(msgspec.Struct):
    id: str = ""


class _Tag(msgspec.Struct):
    name: str = ""
    value: str = ""


class _Compute(msgspec.Struct, rename="camel"):
    name: str = ""
    vm_id: str = ""
    resource_id: str = ""
    subscription_id: str = ""
    resource_group_name: str = ""
    location: str = ""
    zone: str = ""
    vm_scale_set_name: str = ""
    virtual_machine_scale_set: _ScaleSet = msgspec.field(default_factory=_ScaleSet)
    placement_group_id: str = ""
    platform_fault_domain: str = ""
    platform_update_domain: str = ""
    vm_size: str = ""
    priority: str = ""
    eviction_policy: str = ""
    os_profile: _OsProfile = msgspec.field(default_factory=_OsProfile)
    tags: str = ""
    tags_list: list[_Tag] = msgspec.field(default_factory=list)


class _Address(msgspec.Struct, rename="camel"):
    private_ip_address: str = ""


class _Family(msgspec.Struct, rename="camel"):
    ip_address: list[_Address] = msgspec.field(default_factory=list)


class _Interface(msgspec.Struct):
    ipv4: _Family = msgspec.field(default_factory=_Family)
    ipv6: _Family = msgspec.field(default_factory=_Family)


class _Network(msgspec.Struct):
    interface: list[_Interface] = msgspec.field(default_factory=list)


class _Instance(msgspec.Struct):
    compute: _Compute
    network: _Network = msgspec.field(default_factory=_Network)


def parse_instance(body: bytes, overrides: Overrides) -> Inventory:
    """Read an instance document; what the operator fixed goes first. Raises DocumentError."""
    instance = decode_body(body, _Instance, "instance document")
    compute = instance.compute
    host = overrides.host or compute.name
    if not host:
        raise DocumentError("the instance document has no compute.name; set LEEWARD_HOST to the VM's resource name")
    tags = _tags(compute)
    return Inventory(
        host=host,
        resource=compute.resource_id,
        vm_id=compute.vm_id,
        computer_name=_computer_name(compute),
        addresses=_addresses(instance.network),
        pools=overrides.pools or _pools(tags),
        group=overrides.group or _group(compute),
        zone=compute.zone,
        scale_set=_scale_set(compute),
        instance=_instance_number(compute),
        placement_group=compute.placement_group_id,
        fault_domain=compute.platform_fault_domain,
        update_domain=compute.platform_update_domain,
        location=compute.location,
        subscription=compute.subscription_id,
        resource_group=compute.resource_group_name,
        size=compute.vm_size,
        priority=compute.priority,
        eviction_policy=compute.eviction_policy,
        tags=tags,
    )


def _tags(compute: _Compute) -> dict[str, str]:
    """Prefer `tagsList`: the older `tags` string cannot hold values with `;` or names with `:`."""
    if compute.tags_list:
        return {tag.name: tag.value for tag in compute.tags_list}
    pairs = (pair.partition(":") for pair in compute.tags.split(";") if pair)
    return {name: value for name, _, value in pairs}


def _pools(tags: dict[str, str]) -> tuple[str, ...]:
    """Azure compares tag names without case."""
    text = next((value for name, value in tags.items() if name.lower() == POOLS_TAG), "")
    return tuple(dict.fromkeys(pool.strip() for pool in text.split(",") if pool.strip()))


def _addresses(network: _Network) -> tuple[str, ...]:
    families = [face.ipv4 for face in network.interface] + [face.ipv6 for face in network.interface]
    found = (address.private_ip_address for family in families for address in family.ip_address)
    return tuple(dict.fromkeys(address for address in found if address))


def _instance_number(compute: _Compute) -> str:
    """The set's id is there in flexible sets only, whose random suffix may look like a number."""
    return "" if compute.virtual_machine_scale_set.id else instance_of(compute.name, compute.vm_scale_set_name)


def _computer_name(compute: _Compute) -> str:
    """What Azure says; where it does not, what a uniform set's member is called unless the set has another prefix."""
    number = _instance_number(compute)
    derived = computer_name_of(compute.vm_scale_set_name, number) if number else ""
    return compute.os_profile.computer_name or derived


def _scale_set(compute: _Compute) -> str:
    return compute.vm_scale_set_name or compute.virtual_machine_scale_set.id.rpartition("/")[2]


def _group(compute: _Compute) -> str:
    """Who sees the same document: the placement group, else the scale set, else the resource group (DESIGN §2).

    Lower case, because Azure writes the same resource group in different cases on different VMs.
    """
    if compute.placement_group_id:
        return compute.placement_group_id.lower()
    scale_set = _scale_set(compute)
    name = compute.resource_group_name
    return (f"{name}/{scale_set}" if scale_set else name).lower()
