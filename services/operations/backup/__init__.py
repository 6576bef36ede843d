"""`leeward backup` and `leeward restore`: one file with everything that is in the store."""
