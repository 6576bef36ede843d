"""Jobs: the list, one job's page with its actions, and the form."""
