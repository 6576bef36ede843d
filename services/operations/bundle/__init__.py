"""`leeward bundle`: one file about an installation for a bug report, without secrets."""
