"""`leeward`: the command line client."""
