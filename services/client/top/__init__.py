"""`leeward top`: hosts, events and jobs, live in the terminal."""
