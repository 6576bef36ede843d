"""Hosts and events, what people do with them by hand, and rehearsals."""
