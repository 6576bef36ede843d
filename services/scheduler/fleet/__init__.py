"""Hosts and what threatens them: intake from the bus, conditions, drains, approvals."""
