"""Whatever is sent to a method, by whomever, the answer is one that the contracts know."""

import asyncio
import importlib
import json
import re
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from latchkey.catalog.v1 import directory_pb2, directory_pb2_grpc
from latchkey.requests.v1 import lease_pb2, lease_pb2_grpc
from tests.e2e.conftest import Ready
from tests.support.garbage import Garbage, bytes_of_no_message
from tools.dev.cast import COLLEAGUE, OPERATOR, REQUESTER
from tools.dev.house import House
from tools.dev.issuer import SERVICES

pytestmark = pytest.mark.asyncio(loop_scope="module")

EXPECTED = {
    grpc.StatusCode.OK,
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.ALREADY_EXISTS,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.PERMISSION_DENIED,
    grpc.StatusCode.UNAUTHENTICATED,
    grpc.StatusCode.ABORTED,
}
OURS = re.compile(r"Traceback|Exception|Error\(|<class|object at 0x|sqlalchemy|asyncpg|sqlite")
NOBODY = "nobody"
RANDOM_BYTES = 8
RANDOM_MESSAGES = 24
STREAMED = 5
AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Method:
    """One method of one of the four servers."""

    service: str
    descriptor: MethodDescriptor

    @property
    def path(self) -> str:
        """As it stands in a request."""
        return f"/{self.descriptor.containing_service.full_name}/{self.descriptor.name}"

    async def call(
        self, channel: grpc.aio.Channel, requests: list[bytes], token: str | None
    ) -> grpc.aio.AioRpcError | None:
        """Calls with raw bytes; returns the error, if one came. Of a stream one answer is read."""
        metadata = () if token is None else (("authorization", f"Bearer {token}"),)
        answer = GetMessageClass(self.descriptor.output_type).FromString
        sent: Any = requests[0]
        if self.descriptor.client_streaming:
            sent = _one_by_one(requests)
        make = {
            (False, False): channel.unary_unary,
            (True, False): channel.stream_unary,
            (False, True): channel.unary_stream,
        }[self.descriptor.client_streaming, self.descriptor.server_streaming]
        call = make(self.path, response_deserializer=answer)(sent, metadata=metadata, timeout=10)
        try:
            if self.descriptor.server_streaming:
                async for _ in call:
                    call.cancel()
                    return None
            else:
                await call
        except grpc.aio.AioRpcError as error:
            return error
        return None


async def _one_by_one(requests: list[bytes]) -> AsyncIterator[bytes]:
    for request in requests:
        yield request


def _services(package: str) -> list[ServiceDescriptor]:
    folder = importlib.import_module(f"latchkey.{package}.v1")
    names = sorted(path.stem for path in _folder(folder).glob("*_pb2.py"))
    modules = [importlib.import_module(f"{folder.__name__}.{name}") for name in names]
    return [s for module in modules for s in module.DESCRIPTOR.services_by_name.values()]
