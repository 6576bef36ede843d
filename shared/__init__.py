"""What both services share: the bus contract and the plumbing of a long-running process."""
