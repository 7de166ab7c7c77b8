"""`POST /$batch`: up to twenty calls in one, each answered on its own.

Source: Microsoft Learn, "Combine multiple HTTP requests in one call using JSON batching".
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from typing import Any

from tools.entra_simulator.errors import GraphError, Refusal
from tools.entra_simulator.graph.call import Answer, BatchItem, GraphCall
from tools.entra_simulator.graph.exchange import Asked, Reply

_MOST_ITEMS = 20
_METHODS = ("GET", "POST", "PATCH", "PUT", "DELETE")


def answer_batch(call: GraphCall) -> Answer:
    """Checks the batch as a whole; `carry_out` then does what it asks."""
    return Answer(200, {}, batch=_items(call.body))


def carry_out(
    items: Sequence[BatchItem],
    batch: Asked,
    number: int,
    answer: Callable[[Asked], Reply],
    chance: random.Random,
) -> list[dict[str, Any]]:
    """The items' responses, in no order. `number` is the batch's own in the journal."""
    responses: dict[str, dict[str, Any]] = {}
    for item in items:
        if any(responses[id]["status"] >= 400 for id in item.depends_on):
            responses[item.id] = _failed_dependency(item)
        else:
            responses[item.id] = _response(item, answer(_asked(item, batch, number)))
    shuffled = list(responses.values())
    chance.shuffle(shuffled)
    return shuffled


def _items(body: Any) -> list[BatchItem]:
    requests = body.get("requests") if isinstance(body, dict) else None
    if not isinstance(requests, list) or not requests:
        raise GraphError(Refusal.BATCH_INVALID)
    if len(requests) > _MOST_ITEMS:
        raise GraphError(Refusal.BATCH_TOO_LONG)
    items: dict[str, BatchItem] = {}
    for request in requests:
        item = _item(request)
        if item.id in items:
            raise GraphError(Refusal.BATCH_DUPLICATE_ID, id=item.id)
        if any(id not in items for id in item.depends_on):
            raise GraphError(Refusal.BATCH_UNKNOWN_DEPENDENCY, id=item.id)
        items[item.id] = item
    return list(items.values())


def _item(request: Any) -> BatchItem:
    invalid = GraphError(Refusal.BATCH_INVALID)
    if not isinstance(request, dict):
        raise invalid
    id, method, url = request.get("id"), request.get("method"), request.get("url")
    headers, depends_on = request.get("headers") or {}, request.get("dependsOn") or []
    if not (isinstance(id, str) and id and isinstance(url, str) and url):
        raise invalid
    if not (isinstance(method, str) and method.upper() in _METHODS):
        raise invalid
    if not (isinstance(headers, dict) and all(isinstance(v, str) for v in headers.values())):
        raise invalid
    if not (isinstance(depends_on, list) and all(isinstance(other, str) for other in depends_on)):
        raise invalid
    lowered = {name.lower(): value for name, value in headers.items()}
    content = b""
    if "body" in request:
        if "content-type" not in lowered:
            raise GraphError(Refusal.BATCH_NO_CONTENT_TYPE, id=id)
        content = json.dumps(request["body"]).encode()
    return BatchItem(id, method.upper(), url, lowered, content, tuple(depends_on))


def _asked(item: BatchItem, batch: Asked, number: int) -> Asked:
    path, _, query = item.url.partition("?")
    # The token is the batch's; what else concerns the call, each item says for itself.
    headers = {"authorization": batch.headers.get("authorization", ""), **item.headers}
    return Asked(
        method=item.method,
        root=batch.root,
        path="/" + path.lstrip("/"),
        query_string=query,
        headers=headers,
        content=item.content,
        batch=number,
    )


def _response(item: BatchItem, answered: Reply) -> dict[str, Any]:
    response: dict[str, Any] = {
        "id": item.id,
        "status": answered.status,
        "headers": answered.headers,
    }
    if answered.body is not None:
        response["body"] = answered.body
    return response


def _failed_dependency(item: BatchItem) -> dict[str, Any]:
    status, code, message = Refusal.DEPENDENCY_FAILED.value
    error = {"code": code, "message": message}
    headers = {"Content-Type": "application/json"}
    return {"id": item.id, "status": status, "headers": headers, "body": {"error": error}}
