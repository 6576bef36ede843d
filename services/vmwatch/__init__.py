"""The VM watcher: reads Azure's Scheduled Events, publishes them, approves on command."""
