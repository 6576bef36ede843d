"""The peers' environment: APScheduler, Procrastinate, PgQueuer and what draws and profiles, pinned by peers.txt.

They must not meet Leeward's own requirements, so they live apart, in .tools, and are installed when first needed.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import click

ROOT = Path(__file__).parents[2]
PLACE = ROOT / ".tools" / "bench"
PINS = Path(__file__).with_name("peers.txt")
_STAMP = PLACE / "pins"


def programs() -> Path:
    """Return the folder of the environment's programs; installs them unless they are there as pinned."""
    if not (_STAMP.exists() and _STAMP.read_text() == PINS.read_text()):
        _install()
    return PLACE / "bin"


def version_of(package: str) -> str:
    """Return the pinned version of a package."""
    pins = dict(line.lower().split("==") for line in PINS.read_text().splitlines() if "==" in line)
    return pins[package.lower()]


def _install() -> None:
    click.echo("Installing the peers of the benchmark ...", err=True)
    shutil.rmtree(PLACE, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", PLACE], check=True)
    pip = (PLACE / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input")
    subprocess.run([*pip, "--requirement", PINS], check=True)
    shutil.copyfile(PINS, _STAMP)
