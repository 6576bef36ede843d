"""The emulated fleet: three VMs, their pools, and the loopback addresses that stand for theirs."""

import msgspec


class Vm(msgspec.Struct, frozen=True, kw_only=True):
    """One emulated VM; `address` is where its targets listen and what `{host}` becomes."""

    name: str
    pool: str
    address: str


VMS = (
    Vm(name="db-0", pool="db", address="127.0.0.11"),
    Vm(name="db-1", pool="db", address="127.0.0.12"),
    Vm(name="web-0", pool="web", address="127.0.0.13"),
)
