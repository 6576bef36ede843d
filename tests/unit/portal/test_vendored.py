"""What the portal has from others is what they published, with its license beside it."""

import hashlib
from pathlib import Path

VENDOR = Path(__file__).parents[3] / "services/scheduler/portal/static/vendor"
PUBLISHED = {"htmx-4.0.1.min.js": "a0abb04f2f45a1f89d1d4844023245537e5e6014c87b144553e0607b4cc32130"}


def test_every_script_is_as_published_and_told_with_its_license() -> None:
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in VENDOR.glob("*.js")}
    assert found == PUBLISHED
    told = (VENDOR / "README.md").read_text()
    for name in PUBLISHED:
        assert f"`{name}`" in told
        assert (VENDOR / f"{name.split('-')[0]}.LICENSE").read_text().strip()


def test_pages_use_what_is_there() -> None:
    base = (VENDOR.parents[1] / "templates/base.html").read_text()
    assert all(f"static/vendor/{name}" in base for name in PUBLISHED)
