"""How every writing method answers: once per idempotency key."""

from collections.abc import Callable
from functools import cache
from typing import TypeVar

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message

from libs.db.writes import UseCase, Writes, key_of
from libs.rpc.calls import person

T = TypeVar("T")
M = TypeVar("M", bound=Message)


async def written(
    writes: Writes,
    request: Message,
    use_case: UseCase[T],
    respond: Callable[[T], M],
    response: type[M],
) -> M:
    """Runs the use case behind a request of the calling person, commits it, and responds."""
    key = key_of(person(), method_of(request.DESCRIPTOR), request)
    return await writes.answer(use_case, respond, response, key)


@cache
def method_of(request: Descriptor) -> str:
    """The method that takes such requests, as "/package.Service/Method"."""
    services = request.file.services_by_name.values()
    (found,) = (
        f"/{service.full_name}/{method.name}"
        for service in services
        for method in service.methods
        if method.input_type == request
    )
    return found
