"""The entitlements that a person holds: all of what each is fulfilled with."""

import json
from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, Text, cast, select, union_all

from services.catalog.domain.resolution import Holding
from services.catalog.store.audience import groups_only, held_by, is_managed
from services.catalog.store.entitlement_tables import entitlement_targets, entitlements
from services.catalog.store.json_rows import json_column
from services.catalog.store.tables import apps

_MOST_HOLDINGS = 1000


def maybe_held(held: Any, *more: ColumnElement[Any]) -> Select[Any]:
    """The entitlements that a part of is held, with all that `is_held` needs, and more of them.

    `held`: directory entitlements, as `in_` takes them.
    """
    part = entitlement_targets.c
    return (
        select(
            entitlements.c.entitlement_id,
            *more,
            # As text: in a list in JSON SQLite has no other way.
            cast(entitlements.c.fulfilment, Text).label("fulfilment"),
            groups_only().label("groups_only"),
        )
        .join(apps, apps.c.app_id == entitlements.c.app_id)
        .where(
            entitlements.c.entitlement_id.in_(
                select(part.entitlement_id).where(part.directory_entitlement_id.in_(held))
            )
        )
    )


def is_held(fulfilment: str, only_groups: bool, held: Collection[str]) -> bool:
    """Whether all of it is held that is provisioned; of an entitlement that a part of is held."""
    targets: list[Mapping[str, str]] = json.loads(fulfilment)
    return all(
        target["directory_entitlement_id"] in held
        for target in targets
        if "entra_group_id" in target or not only_groups
    )


def holdings_columns(person: ColumnElement[str]) -> tuple[ColumnElement[Any], ...]:
    """All that a person holds, and of managed apps all that they may hold, for `holdings_of`."""
    held = union_all(*held_by(person))
    found = maybe_held(held, entitlements.c.display_name, entitlements.c.app_id)
    return (
        json_column(held).label("all_held"),
        json_column(found.where(is_managed())).label("maybe_held"),
    )


def holdings_of(row: Row[Any]) -> tuple[Holding, ...]:
    """What a person holds, of a row with `holdings_columns`: by id, 1000 at most."""
    held = frozenset(den for (den,) in row.all_held or ())
    found = [
        Holding(entitlement_id, display_name, app_id)
        for entitlement_id, display_name, app_id, fulfilment, only_groups in row.maybe_held or ()
        if is_held(fulfilment, bool(only_groups), held)
    ]
    return tuple(sorted(found, key=lambda each: each.entitlement_id)[:_MOST_HOLDINGS])
