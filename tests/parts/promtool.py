"""promtool, Prometheus's own judge of rules and metrics."""

import shutil
import subprocess


def promtool(*arguments: str, given: bytes = b"") -> tuple[bool, str]:
    """Run it; return whether it is content, and what it said."""
    program = shutil.which("promtool")
    assert program is not None, "no promtool: .ci/servers installs it, with prometheus"
    done = subprocess.run((program, *arguments), input=given, capture_output=True, check=False)
    return done.returncode == 0, (done.stdout + done.stderr).decode()
