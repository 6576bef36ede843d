"""An image's steps carried out in a folder of this machine, with this machine's Python: all but the base system's."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import mkdtemp

from tests.parts.dockerfiles import Stage, read_dockerfile
from tests.parts.image_build import build

_OURS = re.compile(r"(?<![\w./])/(?=(?:opt|var/lib/leeward)\b)")
_OTHERS = re.compile(r"(?<![\w.=/])/(?!opt\b|var/lib/leeward\b)\w")
_OF_PIP = ("PIP_", "http_proxy", "https_proxy", "no_proxy", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
_UNCACHED = "PIP_NO_CACHE_DIR"


class Scratch:
    """Folders that stand for the root of each stage; paths of the image's own folders lead into them."""

    def __init__(self, folder: Path) -> None:
        """Build below a folder that everybody may enter."""
        self._folder = folder
        self.root = folder / "root"
        self.left_out: list[str] = []
        """The commands that change the base system, which nobody may run on this machine."""

    def begin(self, stage: Stage) -> None:
        """Lay out an empty root."""
        self.root.mkdir(mode=0o755)

    def end(self, stage: Stage) -> None:
        """Put a stage aside, so that the next is built at the same path: environments of Python know theirs."""
        self.root.rename(self._folder / stage.name)

    def here(self, inside: PurePosixPath) -> Path:
        """Return where a path of the stage that is being built is."""
        return self.root / inside.relative_to("/")

    def there(self, stage: str, inside: PurePosixPath) -> Path:
        """Return where a path of a finished stage is."""
        return self._folder / stage / inside.relative_to("/")

    def run(self, command: str, environment: dict[str, str], folder: PurePosixPath) -> None:
        """Run a command that stays within our folders; others are only written down."""
        if _OTHERS.search(command):
            self.left_out.append(command)
            return
        inherited = {name: value for name, value in os.environ.items() if name.startswith(_OF_PIP) or name == "HOME"}
        # pip's cache spares the registry; hashes are compared all the same.
        own = {name: self.moved(value) for name, value in environment.items() if name != _UNCACHED}
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        subprocess.run(
            ["sh", "-euc", self.moved(command)],
            cwd=self.here(folder),
            env={"PATH": path, **inherited, **own},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=True,
        )

    def moved(self, text: str) -> str:
        """Return a text with its paths of the image's folders led into the root."""
        return _OURS.sub(f"{self.root}/", text)

    def into(self, words: Sequence[str]) -> list[str]:
        """Return the command itself: what runs here runs among this machine's files."""
        return list(words)

    @property
    def python(self) -> Path:
        """The installation's interpreter."""
        return self.root / "opt/leeward/bin/python"

    def lock(self, rights: Sequence[str]) -> None:
        """Take everybody's right to write but to the data folder, which goes to who has these rights."""
        subprocess.run(["chmod", "--recursive", "a-w", str(self.root / "opt")], check=True)
        asked = subprocess.run([*rights, "id", "-u"], capture_output=True, text=True, check=True)
        data = self.here(PurePosixPath("/var/lib/leeward"))
        data.chmod(0o700)
        shutil.chown(data, int(asked.stdout))


@contextmanager
def built_in_scratch(service: str) -> Iterator[Scratch]:
    """Give an image's root as its Dockerfile makes it, without the base system; it is gone at the end."""
    folder = Path(mkdtemp(prefix=f"leeward-{service}-"))
    folder.chmod(0o755)
    scratch = Scratch(folder)
    try:
        dockerfile = read_dockerfile(service)
        build(dockerfile, scratch)
        (folder / dockerfile.final.name).rename(scratch.root)
        yield scratch
    finally:
        subprocess.run(["chmod", "--recursive", "u+w", str(folder)], check=True)
        shutil.rmtree(folder)
