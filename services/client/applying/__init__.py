"""What `leeward apply` makes of files: documents, what they would change, whose they are."""
