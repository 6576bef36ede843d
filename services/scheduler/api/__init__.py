"""The REST API: requests in, domain verbs called, documents out."""
