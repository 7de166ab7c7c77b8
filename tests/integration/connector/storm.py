"""A tenant that changes at random, and a Graph in which everything goes wrong."""

import random
from typing import Any

from services.connector.domain.directory import INTEGRATED_APP_TAG
from tools.entra_simulator import Simulator
from tools.entra_simulator.directory import NO_ROLE

# Kind of a fault, how likely it strikes a call, and the rest of its rule. What has a stream begin
# anew strikes a few times only: a sync gives up on a stream that never comes to its end.
_FAULTS: tuple[tuple[str, float, dict[str, int]], ...] = (
    ("throttle", 0.05, {"retryAfter": 0}),
    ("unavailable", 0.04, {}),
    ("bad-gateway", 0.02, {}),
    ("gateway-timeout", 0.02, {}),
    ("internal-error", 0.02, {}),
    ("reset", 0.02, {}),
    ("reset-done", 0.02, {}),
    ("token-expired", 0.02, {"times": 5}),
    ("delta-reset", 0.05, {"times": 2}),
    ("delta-expired", 0.05, {"times": 1}),
    ("page-token-expired", 0.05, {"times": 2}),
    ("same-next-link", 0.1, {"times": 3}),
)


def rage(simulator: Simulator, seed: int) -> None:
    """From now on calls fail, and delta queries come late, shuffled, twice and in small pages."""
    simulator.behaviour.change(
        {
            "deltaShuffled": seed % 2 == 0,
            "deltaRepeated": 0.3,
            "deltaEmptyPages": 0.2,
            "deltaRemovedInInitial": seed % 3 == 0,
            "userDeltaPage": 9,
            "groupDeltaPage": 5,
            "servicePrincipalDeltaPage": 7,
            "memberDeltaPage": 11,
            "replicaLags": [0.0, 0.03] if seed % 5 == 0 else [],
            "seed": seed + 1,
        },
        keep=False,
    )
    simulator.faults.clear()
    for kind, chance, fields in _FAULTS:
        simulator.faults.add(kind, chance=chance, **fields)


def change(simulator: Simulator, name: str, seed: int) -> None:
    """One change by hand, of a kind of `CHANGES`; nothing when there is nothing for it."""
    CHANGES[name](simulator, random.Random(seed))


def _some(draw: random.Random, found: dict[str, Any]) -> str | None:
    return draw.choice(sorted(found)) if found else None


def _app(simulator: Simulator, draw: random.Random) -> str | None:
    apps = {
        app_id: app
        for app_id, app in simulator.tenant.service_principals.items()
        if INTEGRATED_APP_TAG in (app.get("tags") or ())
    }
    return _some(draw, apps)


def _add_user(simulator: Simulator, draw: random.Random) -> None:
    fields = {
        "displayName": f"Person {draw.random()}",
        "userPrincipalName": f"p{draw.randrange(10**9)}@marlowe-instruments.example",
        "accountEnabled": draw.random() < 0.8,
    }
    if draw.random() < 0.5 and (manager := _some(draw, simulator.tenant.users)):
        fields["manager"] = manager
    simulator.tenant.add_object("user", fields)


def _change_user(simulator: Simulator, draw: random.Random) -> None:
    if user := _some(draw, simulator.tenant.users):
        title = draw.choice([None, "Chief", "Engineer"])
        simulator.tenant.update_object(user, {"jobTitle": title})


def _change_manager(simulator: Simulator, draw: random.Random) -> None:
    if user := _some(draw, simulator.tenant.users):
        manager = draw.choice([None, _some(draw, simulator.tenant.users)])
        simulator.tenant.update_object(user, {"manager": None if manager == user else manager})


def _add_group(simulator: Simulator, draw: random.Random) -> None:
    users = sorted(simulator.tenant.users)
    simulator.tenant.add_object(
        "group",
        {
            "displayName": f"Group {draw.random()}",
            "groupTypes": draw.choice([[], ["Unified"]]),
            "mailEnabled": False,
            "securityEnabled": True,
            "members": draw.sample(users, min(len(users), draw.randrange(25))),
        },
    )


def _change_group(simulator: Simulator, draw: random.Random) -> None:
    if group := _some(draw, simulator.tenant.groups):
        simulator.tenant.update_object(group, {"description": str(draw.random())})


def _join(simulator: Simulator, draw: random.Random) -> None:
    group, user = _some(draw, simulator.tenant.groups), _some(draw, simulator.tenant.users)
    if group and user and not simulator.tenant.is_member(group, user):
        simulator.tenant.add_member(group, user)


def _leave(simulator: Simulator, draw: random.Random) -> None:
    if group := _some(draw, simulator.tenant.groups):
        for member in simulator.tenant.members_of(group)[:2]:
            simulator.tenant.remove_member(group, member)


def _assign(simulator: Simulator, draw: random.Random) -> None:
    tenant = simulator.tenant
    app, principal = _app(simulator, draw), _some(draw, {**tenant.users, **tenant.groups})
    if app and principal and not tenant.find_assignment(principal, app, NO_ROLE):
        tenant.add_assignment(principal, app)


def _unassign(simulator: Simulator, draw: random.Random) -> None:
    if assignment := _some(draw, simulator.tenant.assignments):
        simulator.tenant.remove_assignment(assignment)


def _scope(simulator: Simulator, draw: random.Random) -> None:
    if app := _some(draw, simulator.tenant.service_principals):
        tags = draw.choice([[], [INTEGRATED_APP_TAG]])
        simulator.tenant.update_object(app, {"tags": tags})


def _delete(simulator: Simulator, draw: random.Random) -> None:
    tenant = simulator.tenant
    found = draw.choice([tenant.users, tenant.groups])
    if object_id := _some(draw, found):
        tenant.delete_object(object_id)


def _delete_app(simulator: Simulator, draw: random.Random) -> None:
    if app := _app(simulator, draw):
        simulator.tenant.delete_object(app)


def _restore(simulator: Simulator, draw: random.Random) -> None:
    if object_id := _some(draw, simulator.tenant.deleted):
        simulator.tenant.restore_object(object_id)


def _end_tokens(simulator: Simulator, draw: random.Random) -> None:
    stream = draw.choice(["users", "groups", "servicePrincipals", "all"])
    if draw.random() < 0.5:
        simulator.reset_delta(stream)
    else:
        simulator.expire_delta(stream)


CHANGES = {
    "add a user": _add_user,
    "change a user": _change_user,
    "change a manager": _change_manager,
    "add a group": _add_group,
    "change a group": _change_group,
    "join": _join,
    "leave": _leave,
    "assign": _assign,
    "unassign": _unassign,
    "change the scope": _scope,
    "delete": _delete,
    "delete an app": _delete_app,
    "restore": _restore,
    "end tokens": _end_tokens,
}
