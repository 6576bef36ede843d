"""The process of the iotcore broker: `python -m services.local.iotcore_broker CONFIG`."""

import logging
import signal
import sys

from iotcore.iotcore import IotCoreBroker


def main() -> None:
    """Run the broker of one configuration file until the process is told to end."""
    # The broker runs outside Python, where Python's own SIGINT handler never gets a turn.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    logging.basicConfig(level=logging.WARNING)
    # It reports every packet as an error.
    logging.getLogger("rumqttd").setLevel(logging.CRITICAL + 1)
    IotCoreBroker(config_path=sys.argv[1]).run_forever()


if __name__ == "__main__":
    main()
