"""What happens, as it happens: server-sent events from the feed."""

import asyncio
from datetime import timedelta
from typing import Any

from aiohttp import web

from services.scheduler.api.ports import Services
from services.scheduler.api.schemas.values import rfc3339
from services.scheduler.feed import Update
from shared.messages import to_json

HEARTBEAT = timedelta(seconds=15)
_COMMENT = b": heartbeat\n\n"
