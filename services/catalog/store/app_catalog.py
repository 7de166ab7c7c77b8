"""What people may ask for."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Connection,
    Row,
    and_,
    literal,
    or_,
    select,
    true,
    union,
    union_all,
)

from libs.db.engine import Database
from libs.domain.paging import Page, PageRequest
from services.catalog.domain.app_catalog import CatalogApp, CatalogEntitlement, CatalogState
from services.catalog.domain.entitlement import ResourceKind
from services.catalog.domain.settings import (
    Defaults,
    EntitlementOverride,
    EntitlementSettings,
    settle,
)
from services.catalog.ports import Expressions
from services.catalog.store.audience import governed, held_by, open_to, provisionable
from services.catalog.store.entitlement_tables import entitlement_targets, entitlements
from services.catalog.store.rows import override_of
from services.catalog.store.rule_tables import entitlement_rules
from services.catalog.store.rules import rules_columns, said_by_rules
from services.catalog.store.standings import Standings, read_visitor
from services.catalog.store.tables import apps, directory_assignments, directory_memberships
from services.catalog.store.text import containing, read_wanted

_APP = (
    *("app_id", "display_name", "search_name", "own_description", "description", "instructions"),
    *("policy_id", "max_duration"),
)
_ENTITLEMENT = (
    *("entitlement_id", "app_id", "display_name", "description", "resource_kind"),
    *("policy_id", "max_duration", "emergency_max_duration", "emergency_policy_id"),
    *("not_requestable", "locked"),
)


class StoredAppCatalog:
    """The app catalog in the database: a few statements a page, however much it holds.

    A page is of one moment: half of the rules of before and half of those of after could show
    what neither of them does.
    """

    def __init__(self, database: Database, expressions: Expressions, deployment: Defaults) -> None:
        self._database = database
        self._expressions = expressions
        self._deployment = deployment

    async def search(
        self, user_id: str, query: str, state: CatalogState | None, page: PageRequest
    ) -> Page[CatalogApp] | None:
        page.after(2)  # a wrong token is the caller's fault, whoever they are
        return await self._database.read(
            lambda connection: self._read(
                connection, user_id, _matching(query), state, page, mentioned=_mentioned(query)
            ),
            at_once=True,
        )

    async def app(self, user_id: str, app_id: str) -> tuple[CatalogApp, ...] | None:
        page = PageRequest(size=1, token="", scope=())
        found = await self._database.read(
            lambda connection: self._read(
                connection, user_id, true(), None, page, apps.c.app_id == app_id
            ),
            at_once=True,
        )
        return None if found is None else found.items

    async def shown(self, user_id: str, app_id: str, entitlement_id: str) -> Mapping[str, str]:
        def work(connection: Connection) -> Mapping[str, str]:
            visitor = read_visitor(connection, self._expressions, user_id)
            if visitor is None:
                return {}
            theirs = sorted({*visitor.standings.held, *visitor.standings.uses})
            columns = (entitlements.c.entitlement_id, entitlements.c.app_id)
            query = union(
                select(*columns).where(entitlements.c.entitlement_id.in_(theirs)),
                select(*columns)
                .join(apps, apps.c.app_id == entitlements.c.app_id)
                .join(entitlement_rules, entitlement_rules.c.app_id == apps.c.app_id)
                .where(
                    entitlements.c.entitlement_id.in_(_meant(user_id, app_id, entitlement_id)),
                    open_to(visitor.profiles, visitor.person.entra_tenant_id),
                    governed(),
                    provisionable(),
                ),
            )
            return {row.entitlement_id: row.app_id for row in connection.execute(query)}

        return await self._database.read(work, at_once=True)

    def _read(
        self,
        connection: Connection,
        user_id: str,
        which: ColumnElement[bool],
        state: CatalogState | None,
        page: PageRequest,
        among: ColumnElement[bool] | None = None,
        mentioned: tuple[ColumnElement[bool], ColumnElement[bool]] | None = None,
    ) -> Page[CatalogApp] | None:
        visitor = read_visitor(connection, self._expressions, user_id)
        if visitor is None:
            return None
        if not visitor.person.account_enabled:
            return Page((), "")
        standings = visitor.standings
        which = and_(which, standings.stands_so(state))
        is_open = open_to(visitor.profiles, visitor.person.entra_tenant_id)
        if among is None:
            among = standings.apps_that_stand_so(state)
        found = _apps(connection, is_open, mentioned, which, among, page)
        if not found.items:
            return Page((), found.next_page_token)
        offered = _entitlements(connection, found.items, which)
        return Page(
            tuple(
                _app_of(row, offered[row.app_id], standings, self._deployment)
                for row in found.items
            ),
            found.next_page_token,
        )


def _meant(user_id: str, app_id: str, entitlement_id: str) -> CompoundSelect[Any]:
    """This entitlement, those of this app, and those that a person holds a part of, themselves or
    through a group."""
    member, role, part = directory_memberships.c, directory_assignments.c, entitlement_targets.c
    groups = select(member.group_id).where(member.user_id == user_id)
    parts = union_all(
        *held_by(user_id),
        select(role.directory_entitlement_id).where(role.principal_id.in_(groups)),
    )
    others = entitlements.alias()
    return union_all(
        select(part.entitlement_id).where(part.directory_entitlement_id.in_(parts)),
        select(others.c.entitlement_id).where(others.c.app_id == app_id),
        select(literal(entitlement_id)),
    )


def _apps(
    connection: Connection,
    is_open: ColumnElement[bool],
    mentioned: tuple[ColumnElement[bool], ColumnElement[bool]] | None,
    which: ColumnElement[bool],
    among: ColumnElement[bool] | None,
    page: PageRequest,
) -> Page[Row[Any]]:
    """The apps of a page: those the person may ask something of that is asked about.

    `among`: which they are among, if not among all.
    """
    something = (
        select(literal(1))
        .where(entitlements.c.app_id == apps.c.app_id, governed(), provisionable(), which)
        .limit(1)
        # Asked app by app, as they come. PostgreSQL would make a join of EXISTS, and read all.
        .scalar_subquery()
        .is_not(None)
    )
    statement = select(
        # Not the roles, which come as JSON.
        *(apps.c[name] for name in _APP),
        *rules_columns(),
    ).join(entitlement_rules, entitlement_rules.c.app_id == apps.c.app_id)
    if among is not None:
        statement = statement.where(among)
    key = (apps.c.search_name, apps.c.app_id)
    one_by_one, at_once = ((), ()) if mentioned is None else ((each,) for each in mentioned)
    return read_wanted(
        connection,
        statement,
        key,
        _named(connection, page),
        (is_open, *one_by_one, something),
        # Where there are few apps at all: of few among many, all names would be read for them.
        wanted_of_few=(is_open, *at_once, something) if among is None else None,
        # Perhaps of an app that the person must not know of: nothing but its id.
        told=lambda end: ("", end.app_id),
    )


def _named(connection: Connection, page: PageRequest) -> PageRequest:
    """The page, after the name of an app of which the token tells the id alone."""
    after = page.after(2)
    if after is None or after[0]:
        return page
    app_id = after[1]
    query = select(apps.c.search_name).where(apps.c.app_id == app_id)
    # One that went meanwhile: from the beginning rather than nothing of the rest.
    name = connection.execute(query).scalar_one_or_none()
    token = "" if name is None else page.cut((), (name, app_id)).next_page_token
    return PageRequest(page.size, token, page.scope)


def _entitlements(
    connection: Connection, of: Sequence[Row[Any]], which: ColumnElement[bool]
) -> dict[str, list[Row[Any]]]:
    """What is asked about of apps that are open to the person, by app."""
    app_ids = [row.app_id for row in of]
    statement = (
        # Not what it is fulfilled with, which comes as JSON.
        select(*(entitlements.c[name] for name in _ENTITLEMENT))
        .join(apps, apps.c.app_id == entitlements.c.app_id)
        # Said of both: PostgreSQL would read all apps to join them.
        .where(entitlements.c.app_id.in_(app_ids), apps.c.app_id.in_(app_ids))
        .where(governed(), provisionable(), which)
        .order_by(
            # Access comes first.
            entitlements.c.resource_kind != ResourceKind.CREDENTIAL.value,
            entitlements.c.search_name,
            entitlements.c.entitlement_id,
        )
    )
    found = defaultdict(list)
    for row in connection.execute(statement):
        found[row.app_id].append(row)
    return found


def _matching(query: str) -> ColumnElement[bool]:
    """Whether an entitlement matches by its own or its app's name."""
    if not query:
        return true()
    return or_(containing(apps.c.search_name, query), containing(entitlements.c.search_name, query))


_its = entitlements.alias()


def _mentioned(query: str) -> tuple[ColumnElement[bool], ColumnElement[bool]] | None:
    """Whether an app or anything of it has such a name: a cheap question before the dear one.

    As it is asked app by app; and as PostgreSQL may ask it by reading all names once.
    """
    if not query:
        return None
    anything = (
        select(literal(1))
        .where(_its.c.app_id == apps.c.app_id, containing(_its.c.search_name, query))
        .correlate(apps)
    )
    its_own = containing(apps.c.search_name, query)
    each = anything.limit(1).scalar_subquery().is_not(None)
    return or_(its_own, each), or_(its_own, anything.exists())


def _app_of(
    app: Row[Any], offered: Sequence[Row[Any]], standings: Standings, deployment: Defaults
) -> CatalogApp:
    by_rules, by_app = said_by_rules(app), Defaults(app.policy_id, app.max_duration)
    # Most say nothing for themselves.
    overrides = [override_of(row) for row in offered]
    settled: dict[EntitlementOverride, EntitlementSettings] = {
        override: settle(override, by_rules, by_app, deployment) for override in {*overrides}
    }
    return CatalogApp(
        app.app_id,
        app.display_name,
        app.own_description or app.description,
        tuple(
            CatalogEntitlement(
                entitlement_id=row.entitlement_id,
                display_name=row.display_name,
                description=row.description,
                resource_kind=ResourceKind(row.resource_kind),
                held=row.entitlement_id in standings.held,
                settings=settled[override],
                standing=standings.of(row.entitlement_id),
            )
            for row, override in zip(offered, overrides, strict=True)
        ),
        app.instructions,
    )
