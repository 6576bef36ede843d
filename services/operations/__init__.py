"""What keeps an installation in operation: check it, back it up, restore it, tell others what is wrong with it."""
