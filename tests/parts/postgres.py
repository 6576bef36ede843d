"""A PostgreSQL server of the tests' own, on a free loopback port, in a folder of its own."""

_USERS = ("postgres", "nobody")
_FAST = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=60"
