"""What the host itself does when an event comes for it."""
