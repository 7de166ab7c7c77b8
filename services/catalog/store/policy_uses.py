"""Where policies are used, in the database."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Text,
    literal,
    literal_column,
    select,
    tuple_,
    union_all,
)

from libs.db.engine import Database
from libs.domain.paging import Page, PageRequest
from services.catalog.domain.policy_use import Audience, PolicyUse, PolicyUseTier
from services.catalog.store.entitlement_tables import entitlements
from services.catalog.store.rule_tables import (
    access_profiles,
    entitlement_rules,
    rule_access_profiles,
)
from services.catalog.store.tables import apps
from services.catalog.store.text import paged

_NONE = literal_column("''", Text)
_KEY_PARTS = 4
_TIERS = tuple(PolicyUseTier)
# Who names it, in an emergency or else; each has an index that begins with these columns.
_PLACES: tuple[tuple[PolicyUseTier, bool, tuple[ColumnElement[str], ...]], ...] = (
    (PolicyUseTier.APP, False, (apps.c.policy_id, apps.c.app_id)),
    (PolicyUseTier.RULES, False, (entitlement_rules.c.policy_id, entitlement_rules.c.app_id)),
    (
        PolicyUseTier.RULES,
        True,
        (entitlement_rules.c.emergency_policy_id, entitlement_rules.c.app_id),
    ),
    (
        PolicyUseTier.ENTITLEMENT,
        False,
        (entitlements.c.policy_id, entitlements.c.app_id, entitlements.c.entitlement_id),
    ),
    (
        PolicyUseTier.ENTITLEMENT,
        True,
        (entitlements.c.emergency_policy_id, entitlements.c.app_id, entitlements.c.entitlement_id),
    ),
)


class StoredPolicyUses:
    """Where policies are used, in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, policy_id: str, page: PageRequest) -> Page[PolicyUse]:
        query = _uses(policy_id, page)

        def work(connection: Connection) -> Page[PolicyUse]:
            found = page.page(
                connection.execute(query).all(),
                key=lambda row: (row.app_id, row.place, row.entitlement_id, row.emergency),
            )
            audiences = _audiences(connection, {row.app_id for row in found.items})
            return Page(
                tuple(
                    PolicyUse(
                        app_id=row.app_id,
                        app_display_name=row.app_name,
                        entitlement_id=row.entitlement_id,
                        entitlement_display_name=row.entitlement_name or "",
                        tier=_TIERS[int(row.place)],
                        emergency=row.emergency == "1",
                        audiences=tuple(audiences[row.app_id]),
                    )
                    for row in found.items
                ),
                found.next_page_token,
            )

        return await self._database.read(work, at_once=True)


def _uses(policy_id: str, page: PageRequest) -> Select[Any]:
    found = union_all(
        *(
            _of_place(str(_TIERS.index(tier)), str(int(emergency)), policy_id, page, *columns)
            for tier, emergency, columns in _PLACES
        )
    ).subquery("found")
    query = (
        select(
            found,
            apps.c.display_name.label("app_name"),
            entitlements.c.display_name.label("entitlement_name"),
        )
        .join(apps, apps.c.app_id == found.c.app_id)
        .outerjoin(entitlements, entitlements.c.entitlement_id == found.c.entitlement_id)
    )
    key = (found.c.app_id, found.c.place, found.c.entitlement_id, found.c.emergency)
    return paged(query, key, page)


def _of_place(
    place: str,
    emergency: str,
    policy_id: str,
    page: PageRequest,
    names_it: ColumnElement[str],
    app_id: ColumnElement[str],
    entitlement_id: ColumnElement[str] | None = None,
) -> Select[Any]:
    """As many of one kind as a page can take, from the use on behind which it begins."""
    key = [app_id] if entitlement_id is None else [app_id, entitlement_id]
    query = select(
        app_id.label("app_id"),
        literal_column(f"'{place}'", Text).label("place"),
        (_NONE if entitlement_id is None else entitlement_id).label("entitlement_id"),
        literal_column(f"'{emergency}'", Text).label("emergency"),
    ).where(names_it == policy_id)
    after = page.after(_KEY_PARTS)
    if after is not None:
        # Of the app's own uses none has an entitlement: then all of its entitlements follow.
        begin = (literal(after[0]), literal(after[2]))[: len(key)]
        query = query.where(tuple_(*key) >= tuple_(*begin))
    return select(query.order_by(*key).limit(page.size + 2).subquery())


def _audiences(connection: Connection, app_ids: Collection[str]) -> Mapping[str, list[Audience]]:
    """The access profiles that the rules of these apps name, in their order."""
    named, found = rule_access_profiles.c, defaultdict[str, list[Audience]](list)
    query = (
        select(named.app_id, named.access_profile_id, access_profiles.c.display_name)
        .join(access_profiles, access_profiles.c.access_profile_id == named.access_profile_id)
        .where(named.app_id.in_(app_ids))
        .order_by(named.app_id, named.position)
    )
    for app_id, profile_id, display_name in connection.execute(query):
        found[app_id].append(Audience(profile_id, display_name))
    return found
