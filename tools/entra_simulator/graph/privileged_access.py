"""Privileged identity management of groups: memberships and ownerships that end by themselves.

Source: Microsoft Learn, privilegedaccessgroup-post-assignmentschedulerequests; refusals from
published traces.
"""

from __future__ import annotations

import re
import uuid
from datetime import datetime, timedelta
from typing import Any

from tools.entra_simulator import proposals, rules
from tools.entra_simulator.changes import GraphObject
from tools.entra_simulator.errors import GraphError, Refusal
from tools.entra_simulator.graph.call import Answer, GraphCall
from tools.entra_simulator.identifiers import graph_time
from tools.entra_simulator.permissions import REMOVE_SCHEDULES, WRITE_SCHEDULES

_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?")
_CONTEXT = "identityGovernance/privilegedAccess/group/assignmentScheduleRequests"


def request_assignment(call: GraphCall) -> Answer:
    """`adminAssign` and `adminRemove`; the other actions need a signed-in person or an approval."""
    body = call.body if isinstance(call.body, dict) else {}
    access, action = body.get("accessId"), body.get("action")
    if access not in ("member", "owner") or action not in ("adminAssign", "adminRemove"):
        raise GraphError(Refusal.PROPERTIES_INVALID)
    needed = {WRITE_SCHEDULES, REMOVE_SCHEDULES} if action == "adminRemove" else {WRITE_SCHEDULES}
    if not needed & call.caller.granted:
        raise GraphError(Refusal.INSUFFICIENT_PRIVILEGES)
    group_id, principal_id = _id(body.get("groupId")), _id(body.get("principalId"))
    for seen in (call.tenant, call.directory):
        if group_id not in seen.groups:
            raise GraphError(Refusal.RESOURCE_NOT_FOUND, id=group_id)
        if seen.find(principal_id) is None:
            raise GraphError(Refusal.RESOURCE_NOT_FOUND, id=principal_id)
    rules.writable_group(call.tenant, call.behaviour, group_id, call.caller.granted)
    if access == "owner":
        holds = principal_id in call.tenant.owners.targets(group_id)
    else:
        holds = call.tenant.is_member(group_id, principal_id)
    schedule: GraphObject = {
        "id": f"{group_id}_{access}_{uuid.uuid4()}",
        "groupId": group_id,
        "principalId": principal_id,
        "accessId": access,
    }
    if action == "adminRemove":
        # Who holds it without a schedule loses it as well.
        current = _schedule(call, schedule) or schedule
        if not holds:
            raise GraphError(Refusal.SCHEDULE_ABSENT)
        for change in proposals.schedule_ended(call.tenant, current):
            call.accept(change)
        return _answer(call, body, current["id"], "Revoked", None, None)
    if holds:
        raise GraphError(Refusal.SCHEDULE_EXISTS)
    if call.behaviour.justification_required and not body.get("justification"):
        raise GraphError(Refusal.SCHEDULE_POLICY, rule="JustificationRule")
    start, end = _times(body.get("scheduleInfo"), call.tenant.clock())
    schedule["end"] = end.isoformat() if end else None
    given = proposals.ownership if access == "owner" else proposals.membership
    call.accept(given(call.tenant, "added", group_id, principal_id))
    call.accept(proposals.schedule_change(call.tenant, "added", schedule))
    return _answer(call, body, schedule["id"], "Provisioned", start, end)


def _schedule(call: GraphCall, like: GraphObject) -> GraphObject | None:
    """The schedule in force for the same person, group and kind of access."""
    names = ("groupId", "principalId", "accessId")
    for found in call.tenant.schedules.values():
        if all(found[name] == like[name] for name in names):
            return found
    return None


def _answer(
    call: GraphCall,
    body: GraphObject,
    schedule_id: str,
    status: str,
    start: datetime | None,
    end: datetime | None,
) -> Answer:
    now = graph_time(call.tenant.clock())
    info = None
    if start is not None:
        info = {
            "startDateTime": graph_time(start),
            "recurrence": None,
            "expiration": {
                "type": "afterDateTime" if end else "noExpiration",
                "endDateTime": graph_time(end) if end else None,
                "duration": None,
            },
        }
    return Answer(
        201,
        {
            "@odata.context": call.context(_CONTEXT, "/$entity"),
            "id": str(uuid.uuid4()),
            "status": status,
            "createdDateTime": now,
            "completedDateTime": now,
            "approvalId": None,
            "customData": None,
            "action": body["action"],
            "isValidationOnly": False,
            "justification": body.get("justification"),
            "accessId": body["accessId"],
            "principalId": body["principalId"],
            "groupId": body["groupId"],
            "targetScheduleId": schedule_id,
            "createdBy": {"application": {"id": call.caller.app_id, "displayName": None}},
            "scheduleInfo": info,
            "ticketInfo": body.get("ticketInfo"),
        },
    )


def _times(info: Any, now: datetime) -> tuple[datetime, datetime | None]:
    """When the schedule begins, which is at once, and when it ends."""
    expiration = info.get("expiration") if isinstance(info, dict) else None
    if not isinstance(expiration, dict):
        raise GraphError(Refusal.PROPERTIES_INVALID)
    try:
        match expiration.get("type"):
            case "noExpiration":
                return now, None
            case "afterDuration":
                end = now + _duration(str(expiration["duration"]))
            case "afterDateTime":
                end = datetime.fromisoformat(expiration["endDateTime"])
            case _:
                raise GraphError(Refusal.PROPERTIES_INVALID)
        if end <= now:
            raise GraphError(Refusal.SCHEDULE_POLICY, rule="ExpirationRule")
    except (KeyError, ValueError, TypeError, OverflowError):
        raise GraphError(Refusal.PROPERTIES_INVALID) from None
    return now, end


def _duration(text: str) -> timedelta:
    matched = _DURATION.fullmatch(text)
    if matched is None or not any(matched.groups()):
        raise ValueError(f"not a duration: {text}")
    days, hours, minutes, seconds = (float(part or 0) for part in matched.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


def _id(value: Any) -> str:
    try:
        return str(uuid.UUID(value))
    except (ValueError, TypeError, AttributeError):
        raise GraphError(Refusal.PROPERTIES_INVALID) from None
