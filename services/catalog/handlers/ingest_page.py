"""Taking a page of a sync into the mirror of the directory."""

from dataclasses import dataclass, replace
from typing import Any

from libs.domain.callers import Caller
from libs.domain.changes import AuditEntry, Change, Fact, Outcome, Write
from libs.domain.clock import Clock
from libs.domain.errors import Invalid
from services.catalog.domain import facts, removal
from services.catalog.domain.app import App
from services.catalog.domain.app_roles import RoleChange, follow_roles
from services.catalog.domain.directory import Complete, DirectoryKind, DirectoryPage, User
from services.catalog.domain.entitlement import GoneEntitlement
from services.catalog.domain.removal import HeldRemoval
from services.catalog.domain.sync import Message, Sync, new_sync
from services.catalog.ports import Syncs


@dataclass(frozen=True, slots=True)
class Command:
    """Take this message of a sync."""

    message: Message
    content: DirectoryPage | Complete


@dataclass(frozen=True, slots=True)
class Taken:
    """How far the sync is now. With something held the message was not committed."""

    sync: Sync
    held: tuple[HeldRemoval, ...] = ()


@dataclass(frozen=True, slots=True)
class IngestPage:
    """Commits a page together with its checkpoint; a page committed before is passed over."""

    syncs: Syncs
    clock: Clock

    async def __call__(self, command: Command, actor: Caller) -> Outcome[Taken]:
        """Takes the page.

        Raises:
            WrongState: SYNC_SUPERSEDED, SYNC_PAGE_OUT_OF_ORDER.
            Invalid: the sync began with another tenant or connection, or the round is over.
        """
        message = command.message
        newest = await self.syncs.newest(message.connection_id)
        if newest is None or newest.sync_id != message.sync_id:
            await self._require_unused(message)
        sync = new_sync(message) if newest is None else newest.begin(message)
        if sync.has(message):
            return Outcome(Taken(sync))
        if isinstance(command.content, Complete):
            return await self._complete(newest, sync, message, command.content, actor)
        return await self._page(newest, sync, message, command.content, actor)

    async def _require_unused(self, message: Message) -> None:
        """A sync is of one connection."""
        other = await self.syncs.find(message.sync_id)
        if other is not None and other.connection_id != message.connection_id:
            raise Invalid.field(
                "connection_id", f"is not {other.connection_id}, with which the sync began"
            )

    async def _page(
        self,
        newest: Sync | None,
        sync: Sync,
        message: Message,
        page: DirectoryPage,
        actor: Caller,
    ) -> Outcome[Taken]:
        after = sync.take(message, page.seen_count)
        roles, role_facts = await self._roles_followed(page, actor)
        return Outcome(
            Taken(after),
            Change(
                audit=_audit(actor, "directory.page_ingested", after, counts=page.counts()),
                writes=(*self.syncs.paged(newest, after, page, self.clock.now()), *roles),
                facts=(
                    *await self._discovered(message.connection_id, page),
                    *await self._disabled(after, page),
                    *role_facts,
                ),
            ),
        )

    async def _discovered(self, connection_id: str, page: DirectoryPage) -> tuple[Fact, ...]:
        found = {app.app_id: app for app in page.service_principals}
        known = await self.syncs.known_apps(found.keys()) if found else frozenset()
        return tuple(
            Fact(app.app_id, 1, facts.AppDiscovered(app.app_id, app.display_name, connection_id))
            for app in found.values()
            if app.app_id not in known
        )

    async def _roles_followed(
        self, page: DirectoryPage, actor: Caller
    ) -> tuple[tuple[Write, ...], tuple[Fact, ...]]:
        """What becomes of the entitlements of managed apps whose roles the page tells of."""
        told = {app.app_id: app for app in page.service_principals}
        if not told:
            return (), ()
        managed, now = await self.syncs.managed_apps(told.keys()), self.clock.now()
        followed = [
            follow_roles(
                replace(
                    app,
                    display_name=told[app_id].display_name,
                    app_roles=told[app_id].app_roles,
                ),
                known,
                now,
            )
            for app_id, (app, known) in managed.items()
        ]
        changes = [change for each in followed for change in each.changes]
        return (
            self.syncs.roles_followed(told.keys(), len(managed), followed),
            tuple(_role_fact(each, actor) for each in changes),
        )

    async def _disabled(self, after: Sync, page: DirectoryPage) -> tuple[Fact, ...]:
        """Of people who could sign in until now: what was told once is not told again."""
        # Where a page has a person twice the later entry counts, as it does in the mirror.
        last = {user.user_id: user for user in page.users}
        disabled = {key: user for key, user in last.items() if not user.account_enabled}
        known = await self.syncs.enabled_users(disabled.keys()) if disabled else frozenset()
        return tuple(
            _deactivated(after, user, deleted=False)
            for user in disabled.values()
            if user.user_id in known
        )

    async def _complete(
        self,
        newest: Sync | None,
        sync: Sync,
        message: Message,
        complete: Complete,
        actor: Caller,
    ) -> Outcome[Taken]:
        after, connection_id = sync.complete(message, self.clock.now()), message.connection_id
        gone = await self.syncs.gone(connection_id, complete.sweeps)
        doubtful = () if complete.confirmed else removal.in_question(gone)
        totals = await self.syncs.totals(connection_id, doubtful) if doubtful else {}
        if doubtful and (held := removal.held(gone, totals)):
            return Outcome(Taken(sync, held))
        apps: tuple[App, ...] = ()
        if gone[DirectoryKind.APP]:
            apps = await self.syncs.gone_apps(connection_id, complete.sweeps)
        lost: tuple[GoneEntitlement, ...] = ()
        if gone[DirectoryKind.APP] or gone[DirectoryKind.GROUP]:
            lost = await self.syncs.gone_entitlements(connection_id, complete.sweeps)
        people: tuple[User, ...] = ()
        if gone[DirectoryKind.USER]:
            people = await self.syncs.gone_users(connection_id, complete.sweeps)
        after = replace(after, removed_count=sum(gone.values()))
        return Outcome(
            Taken(after),
            Change(
                audit=_audit(
                    actor,
                    "directory.refreshed",
                    after,
                    seen_count=after.seen_count,
                    removed_count=after.removed_count,
                    confirmed=complete.confirmed,
                ),
                writes=(
                    *self.syncs.entitlements_gone(lost),
                    *self.syncs.completed(
                        newest, after, complete.sweeps, gone, apps, self.clock.now()
                    ),
                ),
                facts=(
                    *(
                        Fact(
                            app.app_id,
                            app.version + 1,
                            facts.AppRemoved(
                                app.app_id, app.display_name, app.manage_time is not None
                            ),
                        )
                        for app in apps
                    ),
                    *(
                        Fact(
                            each.entitlement_id,
                            each.version + 1,
                            facts.EntitlementRemoved(each.entitlement_id, each.app_id, each.reason),
                        )
                        for each in lost
                    ),
                    *(_deactivated(after, user, deleted=True) for user in people),
                    Fact(
                        connection_id,
                        after.version,
                        facts.DirectoryRefreshed(
                            connection_id, after.sync_id, after.seen_count, after.removed_count
                        ),
                    ),
                ),
            ),
        )


def _role_fact(change: RoleChange, actor: Caller) -> Fact:
    after, reason = change.after, change.removal_reason
    body: facts.EntitlementRemoved | facts.EntitlementUpdated
    if reason:
        body = facts.EntitlementRemoved(after.entitlement_id, after.app_id, reason)
    else:
        body = facts.EntitlementUpdated(
            after.entitlement_id, after.app_id, change.changed_fields, actor
        )
    return Fact(after.entitlement_id, after.version, body)


def _deactivated(after: Sync, user: User, *, deleted: bool) -> Fact:
    # The version of the sync: people have none, and are of one connection.
    body = facts.UserDeactivated(user.user_id, user.display_name, deleted)
    return Fact(user.user_id, after.version, body)


def _audit(actor: Caller, action: str, after: Sync, **details: Any) -> AuditEntry:
    return AuditEntry(
        actor,
        action,
        after.connection_id,
        details={"sync_id": after.sync_id, "page_number": after.last_page_number, **details},
    )
