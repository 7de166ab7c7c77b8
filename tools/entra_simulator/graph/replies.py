"""Headers and error bodies of Graph's answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from tools.entra_simulator.errors import GraphError
from tools.entra_simulator.fault_rules import Strike
from tools.entra_simulator.graph.exchange import Asked, Reply
from tools.entra_simulator.journal import Call
from tools.entra_simulator.quota import Throttled

CONTENT_TYPE = (
    "application/json;odata.metadata=minimal;odata.streaming=true;"
    "IEEE754Compatible=false;charset=utf-8"
)
_DIAGNOSTIC = json.dumps(
    {
        "ServerInfo": {
            "DataCenter": "Simulator",
            "Slice": "E",
            "Ring": "1",
            "ScaleUnit": "000",
            "RoleInstance": "SIMULATOR0",
        }
    },
    separators=(",", ":"),
)
_GRAPH_APP_ID = "00000003-0000-0000-c000-000000000000"


def reply(call: Call, status: int, body: Any = None, units: int = 0) -> Reply:
    """An answer with the headers that every one carries."""
    headers = {
        "Cache-Control": "no-cache",
        "OData-Version": "4.0",
        "request-id": call.request_id or "",
        "client-request-id": _client_request_id(call),
        "x-ms-ags-diagnostic": _DIAGNOSTIC,
        "x-ms-resource-unit": str(units),
    }
    if body is not None:
        headers["Content-Type"] = CONTENT_TYPE
    return Reply(status, headers, body)


def refused(asked: Asked, call: Call, error: GraphError, now: datetime) -> Reply:
    call.error_code = error.code
    answer = reply(call, error.status, _error(call, error.code, error.message, now))
    answer.headers.update(error.headers)
    if error.status == 401:
        answer.headers["WWW-Authenticate"] = _challenge(asked)
    return answer


def throttled(
    call: Call, limit: Throttled, now: datetime, app_id: str, *, in_directorys_words: bool
) -> Reply:
    """429 in one of the two wordings known.

    Source: Microsoft Learn, "Microsoft Graph throttling guidance", and published traces.
    """
    call.error_code = "TooManyRequests"
    if in_directorys_words:
        body: dict[str, Any] = {
            "error": {
                "code": call.error_code,
                "message": f"Too many requests from Identifier:{app_id} under "
                "category:aadgraph.app_small.tier2. Please try again later.",
                "innerError": {"date": _date(now)},
            }
        }
    else:
        body = _error(call, call.error_code, "Please retry again later.", now)
        body["error"]["innerError"] |= {
            "code": "429",
            "message": "Please retry after",
            "status": "429",
        }
    answer = reply(call, 429, body)
    answer.headers["x-ms-throttle-scope"] = limit.scope
    answer.headers["x-ms-throttle-information"] = limit.information
    if limit.retry_after is not None:
        answer.headers["Retry-After"] = str(limit.retry_after)
    return answer


def struck(asked: Asked, call: Call, strike: Strike, now: datetime) -> Reply:
    """The answer that a fault gives."""
    call.error_code = strike.code or None
    body = _error(call, strike.code, strike.message, now)
    answer = reply(call, strike.status, body)
    answer.headers.update(strike.headers)
    if "Location" in strike.headers:
        answer.headers["Location"] = asked.root + strike.headers["Location"]
    if strike.status == 401:
        answer.headers["WWW-Authenticate"] = _challenge(asked)
    return answer


def _error(call: Call, code: str, message: str, now: datetime) -> dict[str, Any]:
    inner: Mapping[str, Any] = {
        "date": _date(now),
        "request-id": call.request_id,
        "client-request-id": _client_request_id(call),
    }
    return {"error": {"code": code, "message": message, "innerError": dict(inner)}}


def _date(now: datetime) -> str:
    return now.strftime("%Y-%m-%dT%H:%M:%S")


def _client_request_id(call: Call) -> str:
    return call.client_request_id or call.request_id or ""


def _challenge(asked: Asked) -> str:
    authorize = f"https://{asked.host}/common/oauth2/authorize"
    return f'Bearer realm="", authorization_uri="{authorize}", client_id="{_GRAPH_APP_ID}"'
