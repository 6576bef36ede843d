"""`leeward-imds`: an emulated metadata service for demos, rehearsals and other people's tests."""
