"""Tenants of any size, out of a seed: the same numbers and seed give the same tenant.

A generated tenant has the organization, the app registrations and the service principals of the
built-in one that are no app of its own (Microsoft Graph, the connector's), so whoever signs in to
Marlowe Instruments signs in to it as well.
"""

from __future__ import annotations

import bisect
import random
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any

from tools.entra_simulator import generated_objects as objects
from tools.entra_simulator.directory import NO_ROLE
from tools.entra_simulator.tenant_file import TenantDocument, built_in_tenant

# How unequal sizes are: the n-th largest is about 1/n^SKEW of the largest.
_SKEW = 0.75
# The largest group holds this share of the users and the others less, where they have room.
_LARGEST_GROUP, _LARGEST_OTHER = 0.05, 0.04
# Of the members of an assigned security group, and of the principals of an app.
_NESTED_GROUPS = 0.02
_ASSIGNED_GROUPS = 0.05


def generate(
    users: int = 1_000,
    groups: int = 200,
    memberships: int = 10_000,
    apps: int = 40,
    assignments: int = 2_000,
    *,
    other_apps: int | None = None,
    seed: int = 1,
) -> TenantDocument:
    """A tenant with exactly these numbers of users, groups, direct memberships, apps and
    assignments to apps.

    `apps` are those the portal lists as enterprise applications; `other_apps` further service
    principals, which are not: Microsoft's own, managed identities, registrations without the tag.
    By default there are half as many of them. Raises `ValueError` for numbers that cannot be: more
    memberships or assignments than there is room for.
    """
    for name, number in (("users", users), ("groups", groups), ("apps", apps)):
        if number < 0:
            raise ValueError(f"{name} is less than 0")
    rng = random.Random(seed)
    base = built_in_tenant()
    domain = base["organization"]["verifiedDomains"][0]["name"]
    people = objects.people(rng, users, base["organization"])
    clusters = objects.groups(rng, groups, people, domain)
    enterprise = objects.apps(rng, apps, people, base["organization"]["id"])
    others = apps // 2 if other_apps is None else other_apps
    background = objects.background_apps(rng, others, base["organization"]["id"])
    kept = [app for app in base["servicePrincipals"] if not app["tags"]]
    for app in kept:
        app["owners"] = []
    _fill_groups(rng, clusters, [person["id"] for person in people], memberships)
    return {
        "organization": base["organization"],
        "appRegistrations": base["appRegistrations"],
        "users": people,
        "groups": clusters,
        "servicePrincipals": [*enterprise, *background, *kept],
        "appRoleAssignments": list(_assign(rng, enterprise, people, clusters, assignments)),
    }


def _fill_groups(
    rng: random.Random, clusters: list[dict[str, Any]], people: Sequence[str], total: int
) -> None:
    """Gives every group its members: users, and here and there another group."""
    if not clusters or not people:
        if total:
            raise ValueError("memberships need users and groups")
        return
    largest = max(1, round(len(people) * _LARGEST_GROUP))
    first = min(largest, total)
    others = len(clusters) - 1
    room = max(1, int(len(people) * _LARGEST_OTHER))
    while total - first > 0.8 * others * room and room < len(people):
        room = min(2 * room, len(people))
    if total - first > others * room:
        first = min(total, len(people))
    sizes = [first, *_skewed(rng, others, total - first, room)]
    assigned = [cluster["id"] for cluster in clusters[1:] if objects.takes_any_member(cluster)]
    for index, (cluster, size) in enumerate(zip(clusters, sizes, strict=True)):
        members = rng.sample(people, size)
        # The first group is what it says, a share of the users.
        if index and size and assigned and objects.takes_any_member(cluster):
            for place in range(size):
                if rng.random() >= _NESTED_GROUPS:
                    continue
                nested = rng.choice(assigned)
                # Only upwards in the order of ids, so that no group holds itself in the end.
                if nested > cluster["id"] and nested not in members:
                    members[place] = nested
        cluster["members"] = members


def _assign(
    rng: random.Random,
    enterprise: list[dict[str, Any]],
    people: list[dict[str, Any]],
    clusters: list[dict[str, Any]],
    total: int,
) -> Iterator[dict[str, Any]]:
    """Who has which app, each principal an app once: most are users, some are groups."""
    users = [person["id"] for person in people]
    groups = [cluster["id"] for cluster in clusters if cluster["securityEnabled"]]
    if total and not (enterprise and users):
        raise ValueError("assignments need users and apps")
    for app, size in zip(enterprise, _skewed(rng, len(enterprise), total, len(users)), strict=True):
        roles = objects.roles_for_people(app) or [NO_ROLE]
        of_groups = min(len(groups), round(size * _ASSIGNED_GROUPS))
        for principal in (*rng.sample(groups, of_groups), *rng.sample(users, size - of_groups)):
            yield {
                "principalId": principal,
                "resourceId": app["id"],
                "appRoleId": roles[0] if len(roles) == 1 else rng.choice(roles),
            }


def _skewed(rng: random.Random, count: int, total: int, most: int) -> list[int]:
    """So many numbers that add up to the total, few large and many small, in no order."""
    if total > count * most:
        raise ValueError(f"{total} do not fit into {count} of at most {most}")
    if not count:
        return []
    weights = [1 / rank**_SKEW for rank in range(1, count + 1)]
    rng.shuffle(weights)
    scale = total / sum(weights)
    sizes = [min(most, int(weight * scale)) for weight in weights]
    rest = total - sum(sizes)
    bounds = list(accumulate(weights))
    tries = 0
    while rest:
        # By weight at first; when the heavy ones are full, wherever there is room.
        tries += 1
        drawn = bisect.bisect_left(bounds, rng.random() * bounds[-1])
        place = min(drawn, count - 1) if tries < 4 * total + 100 else sizes.index(min(sizes))
        if sizes[place] < most:
            sizes[place] += 1
            rest -= 1
    return sizes
