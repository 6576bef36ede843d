"""An image's steps carried out in roots of their own: Debian by debootstrap, entered by chroot. Needs root and Debian.

All mounts belong to the process's own mount namespace (`unshare --mount`): they are gone when it ends, however it does.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from tests.parts.dockerfiles import Stage

_PACKAGES = "ca-certificates,python3,python3-dev,python3-venv"
"""What Debian has in pieces of what is in the official image of Python: headers to build with, and `venv`."""
_AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
_PASSED = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "http_proxy", "https_proxy", "no_proxy")
"""How this machine reaches the registries."""
_BASE = re.compile(r"python:(?P<python>3\.\d+)[.\d]*-slim-(?P<suite>[a-z]+)")


class Roots:
    """A root for each stage, copied from one base."""

    def __init__(self, folder: Path, bases: Path) -> None:
        """Build in a new folder; bases are kept, as debootstrap takes a minute."""
        self._folder = folder
        self._bases = bases
        self.root = folder
        self.base = bases

    def begin(self, stage: Stage) -> None:
        """Copy the base and give it what a container has: processes, devices, names."""
        self.base = self._base(stage.base)
        self.root = self._folder / stage.name
        self._folder.mkdir(parents=True, exist_ok=True)
        _do("cp", "--archive", "--reflink=auto", str(self.base), str(self.root))
        _do("mount", "--types", "proc", "proc", str(self.root / "proc"))
        _do("mount", "--rbind", "/dev", str(self.root / "dev"))
        for file in ("/etc/resolv.conf", _AUTHORITIES):
            (self.root / file.lstrip("/")).touch()
            _do("mount", "--bind", file, str(self.root / file.lstrip("/")))

    def end(self, stage: Stage) -> None:
        """Leave the finished root where it is."""
        for file in ("/etc/resolv.conf", _AUTHORITIES):
            _do("umount", str(self.root / file.lstrip("/")))

    def here(self, inside: PurePosixPath) -> Path:
        """Return where a path of the stage that is being built is."""
        return self.root / inside.relative_to("/")

    def there(self, stage: str, inside: PurePosixPath) -> Path:
        """Return where a path of a finished stage is."""
        return self._folder / stage / inside.relative_to("/")

    def run(self, command: str, environment: dict[str, str], folder: PurePosixPath) -> None:
        """Run any command there; raises CalledProcessError with what it said."""
        inherited = {name: os.environ[name] for name in _PASSED if name in os.environ}
        path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        subprocess.run(
            self.into(["env", f"--chdir={folder}", "sh", "-euc", command]),
            env={"PATH": path, "HOME": "/root", "PIP_CERT": _AUTHORITIES, **inherited, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=True,
        )

    def moved(self, text: str) -> str:
        """Return the text itself: inside everything is where the image has it."""
        return text

    def into(self, words: Sequence[str]) -> list[str]:
        """Return the command that runs words in the root that was built last."""
        return ["chroot", str(self.root), *words]

    def lock(self, writable: PurePosixPath) -> None:
        """Make the root read-only, as `--read-only --tmpfs /tmp --volume data:/var/lib/leeward` does."""
        root, data = str(self.root), str(self.here(writable))
        _do("mount", "--bind", root, root)
        _do("mount", "--bind", data, data)
        _do("mount", "--options", "remount,bind,ro", root)
        _do("mount", "--types", "proc", "proc", f"{root}/proc")
        _do("mount", "--rbind", "/dev", f"{root}/dev")
        _do("mount", "--types", "tmpfs", "tmpfs", f"{root}/tmp")

    def _base(self, tag: str) -> Path:
        found = _BASE.fullmatch(tag)
        if found is None:
            raise ValueError(f"{tag}: only an official slim image of Python has a Debian that is like it")
        base = self._bases / found["suite"]
        if not (base / "usr/bin/python3").exists():
            shutil.rmtree(base, ignore_errors=True)
            _do("debootstrap", "--variant=minbase", f"--include={_PACKAGES}", found["suite"], str(base))
            _do("chroot", str(base), "apt-get", "clean")
        version = _do("chroot", str(base), "/usr/bin/python3", "--version").split()[1]
        if not version.startswith(f"{found['python']}."):
            raise ValueError(f"{tag}: Debian {found['suite']} has Python {version}, which proves nothing about it")
        return base


def _do(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
