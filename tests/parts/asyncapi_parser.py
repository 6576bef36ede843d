"""AsyncAPI's own parser (Node.js), which `.ci/asyncapi` installs."""

import subprocess
from pathlib import Path

_SCRIPT = Path(__file__).with_suffix(".cjs")
_PLACE = Path(__file__).parents[2] / ".tools/asyncapi/node_modules"
_SECONDS = 60


def faults(text: str) -> list[str]:
    """Return the errors and warnings that it finds in a document, YAML or JSON."""
    assert (_PLACE / "@asyncapi/parser").exists(), "no parser of AsyncAPI: .ci/asyncapi installs it"
    command = ["node", str(_SCRIPT), f"{_PLACE}/"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=_SECONDS, check=True)
    return done.stdout.splitlines()
