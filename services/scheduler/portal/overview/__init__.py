"""The first page: the fleet, its events, and the weather on a time line."""
