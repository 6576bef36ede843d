"""What `leeward doctor` finds, for a bundle."""

import os

from services.client.command import Target
from services.operations.bundle.pages import Pages
from services.operations.doctor.command import examine
from services.operations.doctor.patient import Given, guess_role
from services.operations.doctor.report import document

_SECONDS = 20.0


async def ask_doctor(pages: Pages, target: Target) -> None:
    """Add all findings about the service whose settings are here."""
    with pages.having("what leeward doctor finds"):
        given = Given(environment=dict(os.environ))
        role = guess_role(given.environment)
        findings = await examine(target, role, given, (), _SECONDS)
        pages.add_document("doctor.json", "what leeward doctor finds", document(role, given.origin, findings))
