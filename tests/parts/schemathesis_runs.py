"""Runs Schemathesis against an API's own description, with the checks of `refusal_checks` beside its own."""

import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)
_ROOT = Path(__file__).parents[2]


async def run_schemathesis(
    folder: Path,
    description: str,
    *,
    address: str | None = None,
    phases: str,
    examples: int,
    checks: Sequence[str] = CHECKS,
    headers: Mapping[str, str] | None = None,
) -> tuple[int, str]:
    """Return the exit code and the report; the same requests each time. `schemathesis.toml` in `folder` is heard.

    `description` is where the API describes itself, or a file with it; then `address` says where the API is.
    """
    process = await asyncio.create_subprocess_exec(
        Path(sys.executable).with_name("schemathesis"),
        "run",
        description,
        *([] if address is None else [f"--url={address}"]),
        f"--phases={phases}",
        f"--checks={','.join(checks)}",
        "--exclude-path=/api/v1/stream",
        f"--max-examples={examples}",
        "--seed=7",
        "--no-color",
        "--suppress-health-check=all",
        "--warnings=off",
        *(f"--header={name}: {value}" for name, value in (headers or {}).items()),
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(_ROOT), "SCHEMATHESIS_HOOKS": "tests.parts.refusal_checks"},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(110):
        output, _ = await process.communicate()
    return process.returncode or 0, output.decode()
