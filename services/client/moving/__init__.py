"""Jobs on the move: what Azure's exports say, as this scheduler's documents, and back. Pure; no I/O."""
