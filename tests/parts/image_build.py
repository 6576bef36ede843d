"""Carries out a Dockerfile's steps where there is no container engine: RUN, COPY, ENV and WORKDIR as they stand."""

import shutil
from pathlib import Path, PurePosixPath
from subprocess import CalledProcessError
from typing import Final, Protocol

from pathspec import GitIgnoreSpec

from tests.parts.dockerfiles import ROOT, Dockerfile, Stage, Step

_LAST_WORDS: Final = 2000
"""How much of what a failed step said stands in the error."""


class Ground(Protocol):
    """Where stages are built: one stage at a time, and what finished ones left behind."""

    def begin(self, stage: Stage) -> None:
        """Make the base of a stage ready."""

    def end(self, stage: Stage) -> None:
        """Keep what a stage has become for COPY --from."""

    def here(self, inside: PurePosixPath) -> Path:
        """Return where a path of the stage that is being built is on this machine."""

    def there(self, stage: str, inside: PurePosixPath) -> Path:
        """Return where a path of a finished stage is on this machine."""

    def run(self, command: str, environment: dict[str, str], folder: PurePosixPath) -> None:
        """Run a command of the shell in the stage; raises CalledProcessError with what it said."""


def build(dockerfile: Dockerfile, ground: Ground) -> None:
    """Carry out all stages in order."""
    for stage in dockerfile.stages:
        ground.begin(stage)
        _build_stage(stage, ground)
        ground.end(stage)


def _build_stage(stage: Stage, ground: Ground) -> None:
    environment: dict[str, str] = {}
    folder = PurePosixPath("/")
    for step in stage.steps:
        match step.instruction:
            case "RUN":
                _run(step, environment, folder, ground)
            case "COPY":
                _copy(step, folder, ground)
            case "ENV":
                environment.update((name, value) for name, _, value in (word.partition("=") for word in step.words))
            case "WORKDIR":
                folder = folder / step.value
                ground.here(folder).mkdir(parents=True, exist_ok=True)
            case "ARG" | "LABEL" | "EXPOSE" | "USER" | "STOPSIGNAL" | "HEALTHCHECK" | "ENTRYPOINT":
                pass  # these say how the image is run
            case unknown:
                raise ValueError(f"{unknown}: no step of an image of ours; tell {__name__} what it does")


def _run(step: Step, environment: dict[str, str], folder: PurePosixPath, ground: Ground) -> None:
    try:
        ground.run(step.value, environment, folder)
    except CalledProcessError as fault:
        fault.add_note(fault.stdout[-_LAST_WORDS:])
        raise


def _copy(step: Step, folder: PurePosixPath, ground: Ground) -> None:
    words = step.words
    stage = words.pop(0).removeprefix("--from=") if words[0].startswith("--from=") else None
    *sources, target = words
    place = ground.here(folder / target)
    for source in sources:
        found = ground.there(stage, PurePosixPath(source)) if stage else ROOT / source
        into = place / found.name if target.endswith("/") else place
        if stage:
            shutil.copytree(found, into, symlinks=True)
        else:
            _copy_from_context(found, into)


def context() -> GitIgnoreSpec:
    """Return what `.dockerignore` keeps out; for patterns as ours it reads as .gitignore does."""
    return GitIgnoreSpec.from_lines((ROOT / ".dockerignore").read_text().splitlines())


def _copy_from_context(found: Path, into: Path) -> None:
    ignored = context()
    files = [found] if found.is_file() else [file for file in found.rglob("*") if file.is_file()]
    taken = [file for file in files if not ignored.match_file(str(file.relative_to(ROOT)))]
    if not taken:
        raise FileNotFoundError(f"COPY {found.relative_to(ROOT)}: .dockerignore leaves nothing of it")
    for file in taken:
        place = into / file.relative_to(found) if file != found else into
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file, place)
