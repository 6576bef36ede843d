"""`leeward doctor`: why Leeward does not work on this machine, or in this pod, and what to do about it."""
