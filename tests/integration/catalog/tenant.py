"""A small tenant, and syncs of it."""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from latchkey.catalog.v1 import app_pb2, ingest_pb2, link_pb2
from libs.domain import ids
from tests.integration.catalog.running import RunningCatalog
from tests.support.issuer import TENANT, object_id

CONNECTION = "con_0000000000000000000000test"
NO_ROLE = "00000000-0000-0000-0000-000000000000"


def user_id(name: str) -> str:
    return ids.user_id(TENANT, object_id(name))


def app_id(name: str) -> str:
    return ids.app_id(TENANT, object_id(name))


def membership_id(group: str) -> str:
    return ids.membership_entitlement_id(TENANT, object_id(group))


def role_id(app: str, role: str = NO_ROLE) -> str:
    return ids.app_role_entitlement_id(TENANT, object_id(app), role)


@dataclass(frozen=True)
class Tenant:
    """What is in a tenant, by names that are unique over all kinds.

    `groups` by their members; `unwritable` names some of them. `apps` by the names of their
    roles; `assigned` are (app, group or person) pairs, in no role or the app's first.
    """

    users: dict[str, str] = field(default_factory=dict)  # by manager, or ""
    disabled: frozenset[str] = frozenset()
    groups: dict[str, tuple[str, ...]] = field(default_factory=dict)
    unwritable: dict[str, link_pb2.UnwritableReason.ValueType] = field(default_factory=dict)
    apps: dict[str, tuple[str, ...]] = field(default_factory=dict)
    protected: frozenset[str] = frozenset()
    assigned: tuple[tuple[str, str], ...] = ()
    called: dict[str, str] = field(default_factory=dict)  # display names that differ

    def without(self, *names: str) -> "Tenant":
        """The tenant after these have gone."""
        return replace(
            self,
            users={k: v for k, v in self.users.items() if k not in names},
            groups={
                k: tuple(m for m in v if m not in names)
                for k, v in self.groups.items()
                if k not in names
            },
            apps={k: v for k, v in self.apps.items() if k not in names},
            assigned=tuple(pair for pair in self.assigned if not set(pair) & set(names)),
        )

    def name(self, key: str) -> str:
        return self.called.get(key, key)

    def pages(self) -> list[ingest_pb2.IngestRequest]:
        """The pages of a sync, one of each kind, without their numbers."""
        return [
            ingest_pb2.IngestRequest(
                page=ingest_pb2.DirectoryPage(
                    users=[
                        ingest_pb2.DirectoryUser(
                            entra_object_id=object_id(name),
                            display_name=self.name(name),
                            user_principal_name=f"{name.replace(' ', '.')}@example.com",
                            manager_entra_object_id=object_id(manager) if manager else "",
                            account_enabled=name not in self.disabled,
                        )
                        for name, manager in self.users.items()
                    ]
                )
            ),
            ingest_pb2.IngestRequest(
                page=ingest_pb2.DirectoryPage(
                    groups=[
                        ingest_pb2.DirectoryGroup(
                            entra_object_id=object_id(name),
                            display_name=self.name(name),
                            unwritable_reason=self.unwritable.get(
                                name, link_pb2.UNWRITABLE_REASON_UNSPECIFIED
                            ),
                        )
                        for name in self.groups
                    ]
                )
            ),
            ingest_pb2.IngestRequest(
                page=ingest_pb2.DirectoryPage(
                    memberships=[
                        ingest_pb2.DirectoryMembership(
                            entra_group_id=object_id(group), entra_user_id=object_id(member)
                        )
                        for group, members in self.groups.items()
                        for member in members
                    ]
                )
            ),
            ingest_pb2.IngestRequest(
                page=ingest_pb2.DirectoryPage(
                    service_principals=[
                        ingest_pb2.DirectoryServicePrincipal(
                            entra_object_id=object_id(name),
                            entra_app_id=object_id(f"application {name}"),
                            display_name=self.name(name),
                            account_enabled=True,
                            is_protected=name in self.protected,
                            app_roles=[
                                app_pb2.AppRole(
                                    entra_app_role_id=object_id(role),
                                    display_name=role,
                                    value=role,
                                    enabled=True,
                                )
                                for role in roles
                            ],
                        )
                        for name, roles in self.apps.items()
                    ]
                )
            ),
            ingest_pb2.IngestRequest(
                page=ingest_pb2.DirectoryPage(
                    app_role_assignments=[
                        ingest_pb2.DirectoryAppRoleAssignment(
                            entra_service_principal_id=object_id(app),
                            entra_app_role_id=self._role(app),
                            entra_principal_id=object_id(principal),
                            principal_kind=ingest_pb2.PRINCIPAL_KIND_GROUP
                            if principal in self.groups
                            else ingest_pb2.PRINCIPAL_KIND_USER,
                        )
                        for app, principal in self.assigned
                    ]
                )
            ),
        ]

    def _role(self, app: str) -> str:
        roles = self.apps.get(app, ())
        return object_id(roles[0]) if roles else NO_ROLE


def page(**content: Any) -> ingest_pb2.IngestRequest:
    """A page of this content, without its number."""
    return ingest_pb2.IngestRequest(page=ingest_pb2.DirectoryPage(**content))


def completion(sweep: int = 0, *, confirmed: bool = False) -> ingest_pb2.IngestRequest:
    """The completing message, with a sweep of every kind unless the round is 0."""
    kinds = ingest_pb2.DirectoryKind.values()[1:] if sweep else []
    return ingest_pb2.IngestRequest(
        complete=ingest_pb2.SyncComplete(
            sweeps=[ingest_pb2.Sweep(kind=kind, round=sweep) for kind in kinds],
            removals_confirmed=confirmed,
        )
    )


def numbered(
    messages: Iterable[ingest_pb2.IngestRequest],
    sync_id: str,
    *,
    first: int = 1,
    complete: bool = True,
    connection_id: str = CONNECTION,
    seen_in: int = 1,
    run: int = 1,
    groups_only: bool = False,
) -> list[ingest_pb2.IngestRequest]:
    """Messages as those of a sync, and unless told otherwise one that completes a whole round."""
    found = [*messages]
    if complete:
        found.append(completion(seen_in))
    for number, message in enumerate(found, first):
        message.sync_id = sync_id
        message.connection_id = connection_id
        message.entra_tenant_id = TENANT
        message.page_number = number
        message.checkpoint = f"after {number}"
        message.round = seen_in
        message.run = run
        message.groups_only = groups_only
    return found


async def ingest(
    catalog: RunningCatalog, messages: Iterable[ingest_pb2.IngestRequest]
) -> ingest_pb2.IngestResponse:
    """Sends messages of a sync in one stream."""

    async def stream() -> AsyncIterator[ingest_pb2.IngestRequest]:
        for message in messages:
            yield message

    response: ingest_pb2.IngestResponse = await catalog.ingest.Ingest(
        stream(), metadata=catalog.by("connector")
    )
    return response


async def checkpoint(
    catalog: RunningCatalog, connection_id: str = CONNECTION
) -> ingest_pb2.GetCheckpointResponse:
    """How far the newest sync is."""
    response: ingest_pb2.GetCheckpointResponse = await catalog.ingest.GetCheckpoint(
        ingest_pb2.GetCheckpointRequest(connection_id=connection_id),
        metadata=catalog.by("connector"),
    )
    return response


async def sync(
    catalog: RunningCatalog, tenant: Tenant, *, groups_only: bool = False
) -> ingest_pb2.IngestResponse:
    """One sync of all of a tenant, in a round of its own."""
    before = await checkpoint(catalog)
    messages = numbered(
        tenant.pages(), ids.new_id("syn"), seen_in=before.round + 1, groups_only=groups_only
    )
    return await ingest(catalog, messages)


MARLOWE = Tenant(
    users={"Ada": "", "Ben": "Ada", "Cleo": "Ada", "Dov": "Ada"},
    disabled=frozenset({"Dov"}),
    groups={
        "Design Editors": ("Ben",),
        "Design Viewers": ("Ben", "Cleo"),
        "All Staff": ("Ada", "Ben", "Cleo"),
    },
    unwritable={"All Staff": link_pb2.UNWRITABLE_REASON_DYNAMIC},
    apps={"Design Tool": (), "Payroll": ("Clerk",), "Graph": (), "Board": ("Reader", "Writer")},
    protected=frozenset({"Graph"}),
    assigned=(
        ("Design Tool", "Design Editors"),
        ("Design Tool", "Design Viewers"),
        ("Design Tool", "All Staff"),
        ("Payroll", "Ada"),
    ),
)
