"""`python -m tests.parts.image_bills`: a CycloneDX bill of what each image installs, as its own steps install it."""

import subprocess
import sys
from pathlib import Path

from tests.parts.dockerfiles import ROOT, SERVICES
from tests.parts.image_scratch import built_in_scratch


def write_bill(service: str, place: Path) -> None:
    """Write the bill of one image; raises CalledProcessError when it is not valid."""
    with built_in_scratch(service) as image:
        told = ["--pyproject", str(ROOT / "pyproject.toml"), "--output-reproducible", "--validate"]
        program = Path(sys.executable).with_name("cyclonedx-py")
        subprocess.run([program, "environment", image.python, *told, "--output-file", place], check=True)


if __name__ == "__main__":
    folder = ROOT / "build"
    folder.mkdir(exist_ok=True)
    for each in sys.argv[1:] or SERVICES:
        write_bill(each, folder / f"leeward-{each}.cdx.json")
        sys.stdout.write(f"build/leeward-{each}.cdx.json\n")
