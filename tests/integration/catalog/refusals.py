"""What a refused call looks like."""

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message

from libs.domain.callers import ADMIN
from libs.rpc import errors
from tests.integration.catalog.running import Metadata, RunningCatalog

# Of which stub of the running catalog, which method, with which request.
Call = tuple[str, str, Message]


@dataclass(frozen=True)
class Refusal:
    """How a call was refused."""

    code: str
    reason: str
    message: str
    facts: Mapping[str, str]
    fields: tuple[str, ...]


async def refused(call: Awaitable[Any]) -> Refusal:
    """How the call is refused; a test fails whose call is not."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    error = caught.value
    info = errors.error_info(error)
    assert info.domain == "latchkey.catalog"
    return Refusal(
        error.code().name,
        info.reason,
        error.details() or "",
        dict(info.metadata),
        tuple(violation.field for violation in errors.field_violations(error)),
    )


def caller(catalog: RunningCatalog, stub: str, method: str) -> Metadata:
    """Somebody who may make the call."""
    if stub == "ingest" or method in ("ConfirmTargets", "BatchConfirmTargets", "CheckHeld"):
        return catalog.by("connector")
    if stub == "resolution" or method == "ResolveApprovers":
        return catalog.by("requests")
    if method == "CheckApprovers":
        return catalog.by("policy")
    return catalog.person("Ben", ADMIN)


async def assert_refused(
    catalog: RunningCatalog, call: Call, *fields: str, reason: str = "FIELD_INVALID"
) -> None:
    """The call is refused for these fields, no more and no fewer."""
    stub, method, request = call
    send = getattr(getattr(catalog, stub), method)
    refusal = await refused(send(request, metadata=caller(catalog, stub, method)))
    found = (refusal.code, refusal.reason, refusal.fields)
    assert found == ("INVALID_ARGUMENT", reason, fields), (method, request)
