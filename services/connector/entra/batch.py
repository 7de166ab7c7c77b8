"""Graph's JSON batches: up to 20 calls in one request, each answered on its own.

An answer of 200 says nothing of what is inside: each item has its own status, headers and body,
they come in any order, and a throttled one is a 429 with its own `Retry-After`. Each is charged as
if it had come alone. Source: Microsoft Learn, "Combine multiple HTTP requests using JSON batching".
"""

from collections.abc import Mapping, Sequence
from typing import Any

from services.connector.entra.answer import Answer, Call, problem_of
from services.connector.entra.problems import Problem, tidy

MOST_CALLS = 20


def batch_body(calls: Sequence[Call], base: str) -> dict[str, Any]:
    """The body of a batch. Paths may be whole next links below `base`."""
    return {"requests": [_item(number, call, base) for number, call in enumerate(calls)]}


def batch_answers(
    calls: Sequence[Call], answer: Answer | Problem, base: str
) -> list[Answer | Problem]:
    """What became of each call, in their order."""
    if isinstance(answer, Problem):
        return [answer for _ in calls]
    found: dict[str, Mapping[str, Any]] = {}
    for item in answer.body.get("responses") or ():
        if isinstance(item, dict):
            found[str(item.get("id"))] = item
    return [
        _answer(call, found.get(str(number)), answer, base) for number, call in enumerate(calls)
    ]


def _item(number: int, call: Call, base: str) -> dict[str, Any]:
    item: dict[str, Any] = {
        "id": str(number),
        "method": call.method,
        "url": call.relative(base),
        "headers": {"client-request-id": call.client_request_id},
    }
    if call.body is not None:
        item["headers"]["Content-Type"] = "application/json"
        item["body"] = call.body
    return item


def _answer(
    call: Call, item: Mapping[str, Any] | None, whole: Answer, base: str
) -> Answer | Problem:
    if item is None or not isinstance(item.get("status"), int):
        # It may well have been done.
        return Problem(
            502,
            "unreadable",
            "the batch's answer lacks this call's",
            request_id=whole.request_id,
            client_request_id=call.client_request_id,
        )
    status = int(item["status"])
    given = item.get("headers")
    headers = {str(k).lower(): str(v) for k, v in given.items()} if isinstance(given, dict) else {}
    request_id = tidy(headers.get("request-id", whole.request_id))
    body = item.get("body")
    if 200 <= status < 300:
        return Answer(
            status,
            body if isinstance(body, dict) else {},
            f"{base}{call.relative(base)}",
            request_id,
            call.client_request_id,
        )
    return problem_of(status, body, headers.get("retry-after"), request_id, call.client_request_id)
