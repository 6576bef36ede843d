"""Collections: the list, one collection's page, and its form."""
