"""Home Assistant's core with its MQTT integration alone, for a program that asks it for its states.

Run by Home Assistant's own Python: core.py PORT. For each line on standard input, one with all states as JSON.
"""

import asyncio
import json
import logging
import sys
import tempfile
from pathlib import Path

from homeassistant.bootstrap import async_load_base_functionality
from homeassistant.config_entries import ConfigEntries, ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry, entity_registry
from homeassistant.loader import async_setup


async def serve(folder: Path, port: int) -> None:
    """Answer until standard input ends."""
    (folder / "configuration.yaml").write_text("")
    core = HomeAssistant(str(folder))
    async_setup(core)
    core.config_entries = ConfigEntries(core, {})
    await async_load_base_functionality(core)
    # What uploads and serves files is not needed here, and would bring the whole frontend along.
    core.config.components.update({"http", "file_upload"})
    await core.async_start()
    entry = broker_entry(port)
    core.config_entries._entries[entry.entry_id] = entry
    if not await core.config_entries.async_setup(entry.entry_id):
        raise SystemExit("the MQTT integration did not start")
    await answer(core)
    await core.async_stop(force=True)


def broker_entry(port: int) -> ConfigEntry:
    """Return what the dialog for adding the MQTT integration makes."""
    return ConfigEntry(
        data={"broker": "127.0.0.1", "port": port, "protocol": "5"},
        discovery_keys={},
        domain="mqtt",
        minor_version=2,
        options={"discovery": True, "discovery_prefix": "homeassistant"},
        source="user",
        subentries_data=None,
        title="broker",
        unique_id=None,
        version=1,
    )


async def answer(core: HomeAssistant) -> None:
    """Write the states, by unique id, and the devices for each line that is read."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while await reader.readline():
        entities = entity_registry.async_get(core).entities.values()
        known = {each.unique_id: core.states.get(each.entity_id) for each in entities}
        states = {name: state.state for name, state in known.items() if state is not None}
        devices = sorted(each.name for each in device_registry.async_get(core).devices.values())
        sys.stdout.write(json.dumps({"states": states, "devices": devices}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    logging.basicConfig(level=logging.ERROR, stream=sys.stderr)
    with tempfile.TemporaryDirectory() as place:
        asyncio.run(serve(Path(place), int(sys.argv[1])))
