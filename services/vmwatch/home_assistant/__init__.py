"""Tells Home Assistant how to show this VM: MQTT discovery, an option (docs/howto/home-assistant.md)."""
