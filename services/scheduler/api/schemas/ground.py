"""What a job's calls are read on: its plan, its placement, and the keeper of its secrets."""

import re
from collections.abc import Mapping
from datetime import datetime

import msgspec

from services.scheduler.api.schemas.values import SecretText
from services.scheduler.domain.actions import Call
from services.scheduler.domain.collections import Collection
from services.scheduler.domain.destinations import destination_of, place_of
from services.scheduler.domain.policies import Placement
from services.scheduler.domain.quotas import Allowance
from services.scheduler.domain.secrets import KeyId, SealedSecret, Secret, SecretKeeper
from services.scheduler.errors import InvalidInputError
from services.scheduler.vault.pfx_reader import Described, Refused
from shared.topics import Topics

UNSEALED = SealedSecret(key=KeyId(""), box="")
"""Stands for a secret while its call is being read: whom it is shown to is known when the call is complete."""
TEMPLATE = re.compile(r"\{(host|hostname)\}")
Certificate = Described | Refused
"""What the PKCS #12 file of a document holds, or what is wrong with it."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Author(msgspec.Struct, frozen=True, kw_only=True):
    """Whose document is read: the job it becomes, at which time, and who keeps its secrets.

    `placement` is where the job runs by what is stored of it, which matters to the secrets a patch leaves alone.
    `certificates` are those that the document gives, by the path of their authentication (`api.certificates`).
    `speaks_amqp`: whether this scheduler can, which takes an extra.
    """

    collection: Collection
    job: str
    keeper: SecretKeeper
    topics: Topics
    now: datetime
    placement: Placement | None = None
    certificates: Mapping[str, Certificate] = {}
    speaks_amqp: bool = True


class Ground(msgspec.Struct, frozen=True, kw_only=True):
    """What a document of an action is judged by; `strict`: what says nothing where it stands is refused."""

    author: Author
    allowed: Allowance
    placement: Placement | None
    strict: bool

    def need(self, text: SecretText | None, field: str, call: Call) -> Secret:
        """Return what stands for a secret of `call`; raises InvalidInputError when there is none to be had."""
        if text is None:
            raise InvalidInputError(field, "is required: replies never hold it, so each document has to")
        if text.held is not None:
            self._check_destination(text.held.call, call, field)
            return text.held.secret
        if not text.text:
            raise InvalidInputError(field, "is empty")
        if _CONTROL.search(text.text):
            raise InvalidInputError(field, "holds line breaks or control characters")
        place = place_of(self.author.collection.id, self.author.job, field, call)
        return self.author.keeper.seal(text.text, place, self.author.collection)

    def may(self, text: SecretText | None, field: str, call: Call) -> Secret | None:
        """Return what stands for a secret that a call can do without."""
        return None if text is None else self.need(text, field, call)

    def check_template(self, text: str, field: str) -> None:
        """Refuse `{host}` in a job without placement: nothing would say what it stands for."""
        template = TEMPLATE.search(text)
        if template and self.placement is None:
            raise InvalidInputError(field, f"{template[0]} needs a placement: give placement.pool or placement.host")

    def _check_destination(self, before: Call, after: Call, field: str) -> None:
        shown, meant = destination_of(after), destination_of(before)
        if shown != meant:
            raise InvalidInputError(field, f"was given for {meant}; to show it to {shown}, give it again")
        if TEMPLATE.search(shown) and self.placement != self.author.placement:
            raise InvalidInputError(field, "was given for another placement; to show it to other hosts, give it again")
