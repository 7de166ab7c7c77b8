"""Taking a page of a sync into the mirror of the directory."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from libs.domain.callers import Caller
from libs.domain.changes import AuditEntry, Change, Fact, Outcome, Write
from libs.domain.clock import Clock
from libs.domain.errors import Invalid
from services.catalog.domain import facts, removal
from services.catalog.domain.app import App
from services.catalog.domain.app_roles import follow_roles
from services.catalog.domain.directory import (
    Complete,
    DirectoryKind,
    DirectoryPage,
    ServicePrincipal,
    User,
)
from services.catalog.domain.entitlement import GoneEntitlement
from services.catalog.domain.followed import EntitlementChange, follow_names
from services.catalog.domain.link import RolesMoved
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
    """Commits a page together with its checkpoint; a page committed before is passed over.

    What is served changes with the completing message, all of it at once.
    """

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
        return self._page(newest, sync, message, command.content, actor)

    async def _require_unused(self, message: Message) -> None:
        """A sync is of one connection."""
        other = await self.syncs.find(message.sync_id)
        if other is not None and other.connection_id != message.connection_id:
            raise Invalid.field(
                "connection_id", f"is not {other.connection_id}, with which the sync began"
            )

    def _page(
        self,
        newest: Sync | None,
        sync: Sync,
        message: Message,
        page: DirectoryPage,
        actor: Caller,
    ) -> Outcome[Taken]:
        now = self.clock.now()
        after = sync.take(message, page.seen_count, now)
        return Outcome(
            Taken(after),
            Change(
                audit=_audit(actor, "directory.page_ingested", after, counts=page.counts()),
                writes=self.syncs.paged(newest, after, page, now),
            ),
        )

    async def _roles_followed(
        self, connection_id: str, sweeps: Mapping[DirectoryKind, int]
    ) -> tuple[tuple[Write, ...], tuple[EntitlementChange, ...]]:
        """What becomes of the entitlements of managed apps whose roles pages told of."""
        told = {app.app_id: app for app in await self.syncs.managed_told(connection_id, sweeps)}
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
        return (
            self.syncs.roles_followed(
                told.keys(), len(managed), [new for each in followed for new in each.created]
            ),
            tuple(change for each in followed for change in each.changes),
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
        found = await self.syncs.new_apps(connection_id, complete.sweeps)
        disabled = await self.syncs.newly_disabled(connection_id, complete.sweeps)
        roles, changes = await self._roles_followed(connection_id, complete.sweeps)
        renamed = await self.syncs.renamed_groups(connection_id, complete.sweeps)
        changes = follow_names(renamed, changes)
        moved = await self.syncs.moved_roles(connection_id, complete.sweeps)
        lost = _besides(lost, changes)
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
                    *roles,
                    *self.syncs.entitlements_followed(
                        changes, renamed, connection_id, complete.sweeps
                    ),
                    *self.syncs.entitlements_gone(lost),
                    *self.syncs.completed(
                        newest, after, complete.sweeps, gone, apps, self.clock.now()
                    ),
                ),
                facts=(
                    *(_discovered(app, connection_id) for app in found),
                    *map(_app_gone, apps),
                    *(_change_fact(each, actor) for each in changes),
                    *map(_entitlement_gone, lost),
                    *(_roles_moved(each, changes) for each in moved),
                    *(_deactivated(after, user, deleted=False) for user in disabled),
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


def _besides(
    lost: Collection[GoneEntitlement], changes: Collection[EntitlementChange]
) -> tuple[GoneEntitlement, ...]:
    """What is lost besides what changes: each in the version after that, and told once."""
    changed = {change.after.entitlement_id: change for change in changes}
    besides = []
    for each in lost:
        if (change := changed.get(each.entitlement_id)) is None:
            besides.append(each)
        elif not change.removal_reason:
            besides.append(replace(each, version=change.after.version))
    return tuple(besides)


def _discovered(app: ServicePrincipal, connection_id: str) -> Fact:
    return Fact(app.app_id, 1, facts.AppDiscovered(app.app_id, app.display_name, connection_id))


def _app_gone(app: App) -> Fact:
    body = facts.AppRemoved(app.app_id, app.display_name, app.manage_time is not None)
    return Fact(app.app_id, app.version + 1, body)


def _entitlement_gone(gone: GoneEntitlement) -> Fact:
    body = facts.EntitlementRemoved(gone.entitlement_id, gone.app_id, gone.reason)
    return Fact(gone.entitlement_id, gone.version + 1, body)


def _change_fact(change: EntitlementChange, actor: Caller) -> Fact:
    after, reason = change.after, change.removal_reason
    body: facts.EntitlementRemoved | facts.EntitlementUpdated
    if reason:
        body = facts.EntitlementRemoved(after.entitlement_id, after.app_id, reason)
    else:
        body = facts.EntitlementUpdated(
            after.entitlement_id, after.app_id, change.changed_fields, actor
        )
    return Fact(after.entitlement_id, after.version, body)


def _roles_moved(moved: RolesMoved, changes: Collection[EntitlementChange]) -> Fact:
    changed = {change.after.entitlement_id: change.after.version for change in changes}
    version = changed.get(moved.entitlement_id, moved.entitlement_version)
    return Fact(moved.entitlement_id, version, facts.LinkedRolesChanged(moved))


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
