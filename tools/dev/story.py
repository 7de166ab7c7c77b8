"""The story that the demonstration tells: each part calls the services and says what came of it."""

import time
from collections.abc import Callable
from datetime import UTC, timedelta

import grpc

from latchkey.catalog.v1 import app_pb2, link_pb2
from latchkey.requests.v1 import access_request_pb2, lease_pb2
from libs.domain import ids
from libs.rpc.errors import error_info
from tools.dev import cast
from tools.dev.cast import Member
from tools.dev.client import Client
from tools.dev.decisions import MANAGER_APPROVAL, Decider, Rulebook
from tools.dev.entra import Entra
from tools.dev.guide import Guide
from tools.dev.subscriber import Subscriber
from tools.dev.words import enum_word, told

_WIDTH = 100


def _step(title: str) -> None:
    print(f"\n{title}\n{'─' * len(title)}")


def _say(text: str) -> None:
    print(f"  {text}")


class Story:
    """The demonstration in one house."""

    def __init__(self, guide: Guide, entra: Entra, events: Subscriber) -> None:
        self._guide = guide
        self._entra = entra
        self._events = events

    async def connect(self) -> None:
        _step("1. Connect the Entra tenant and sync it")
        connection = await self._guide.connect()
        _say(f"CreateConnection → {connection.connection_id} ({connection.display_name})")
        tested = await self._guide.test_connection(connection.connection_id)
        for check in tested.checks:
            permission = f"  needs {check.permission}" if check.permission else ""
            _say(f"TestConnection   → {check.name:18} {'ok' if check.ok else 'NO'}{permission}")
        if not tested.ok:
            raise SystemExit("the connection does not work")
        sync = await self._guide.start_sync(connection.connection_id)
        async for now in self._guide.watch_sync(sync.sync_id):
            sync = now
        _say(
            f"StartSync        → {sync.object_count} objects in {sync.page_count} pages, "
            f"{sync.request_count} requests to Graph; phase {sync.phase}"
        )
        if sync.problem:
            raise SystemExit(f"the sync failed: {sync.problem}")

    async def manage(self) -> tuple[str, str]:
        _step("2. Turn an unmanaged app into a managed one")
        apps = await self._guide.unmanaged_apps()
        names = ", ".join(app.display_name for app in apps if not app.is_protected)
        _say(f"ListApps  → {len(apps)} unmanaged: {names}")
        app = next(
            app for app in apps if app.entra_service_principal_id == cast.SERVICE_PRINCIPAL_ID
        )
        before = await self._entra.state()
        managed = await self._guide.manage(app.app_id)
        _say(f"ManageApp → {app.display_name} is {enum_word(app_pb2.AppState, managed.app.state)}")
        _say(f"            its Credential resource offers {managed.access_entitlement_id}")
        if await self._entra.state() != before:
            raise SystemExit("managing an app changed Entra")
        _say("            nothing changed in Entra")
        return app.app_id, managed.access_entitlement_id

    async def configure(self, app_id: str, access_entitlement_id: str) -> None:
        _step("3. Decide what the groups assigned to the app are for")
        groups = await self._guide.linked_groups(app_id)
        for group in groups:
            why = enum_word(link_pb2.UnwritableReason, group.unwritable_reason)
            note = f"  ({why.lower()}: cannot be written)" if group.unwritable_reason else ""
            _say(
                f"ListLinkedEntitlements → {group.group_display_name:16} "
                f"{group.member_count} member{'' if group.member_count == 1 else 's'}{note}"
            )
        dynamic = next(g for g in groups if g.entra_group_id == cast.DYNAMIC_GROUP_ID)
        try:
            await self._guide.link(
                app_id,
                [
                    link_pb2.LinkDecision(
                        directory_entitlement_id=dynamic.directory_entitlement_id,
                        create_virtual_role=link_pb2.LinkDecision.CreateVirtualRole(),
                    )
                ],
            )
        except grpc.aio.AioRpcError as error:
            _say(
                f"LinkEntitlements with a dynamic group → {error.code().name} "
                f"{error_info(error).reason}"
            )
            _say(f"  “{error.details()}”")
        else:
            raise SystemExit("a group that cannot be written was linked")
        choices = self._guide.choices(groups, access_entitlement_id)
        await self._guide.link(app_id, choices, "guide-link")
        _say("LinkEntitlements → Atelier Editors: a virtual role, Editor")
        _say("                   Atelier Viewers: part of what access brings")
        _say("                   Atelier Admins:  skipped")
        for binding in await self._guide.bindings(app_id):
            _say(f"ListBindings     → {binding.entitlement_id} ← {binding.directory_display_name}")

    async def open_up(self, app_id: str) -> None:
        _step("4. Make it self-service")
        rules = await self._guide.rules_for_everyone(app_id)
        preview = await self._guide.preview_rules(rules)
        what = ", ".join(e.display_name for e in preview.requestable_entitlements)
        _say(f"PreviewEntitlementRules → {what}; {preview.person_count} people could ask")
        applied = await self._guide.apply_rules(rules)
        _say(
            f"ApplyEntitlementRules   → Credential and Role, for Everyone, "
            f"{applied.entitlement_count} entitlements"
        )

    async def ask(self) -> access_request_pb2.AccessRequest:
        _step(f"5. {cast.REQUESTER.name} asks for the app")
        found = await self._guide.app_catalog(cast.APP)
        for entitlement in found[0].entitlements:
            held = "held" if entitlement.held else "can be asked for"
            _say(
                f"SearchAppCatalog    → {found[0].display_name}: "
                f"{entitlement.display_name} ({held})"
            )
        access = next(e for e in found[0].entitlements if e.resource_kind == 1)
        began = time.perf_counter()
        request = await self._guide.ask(
            access.entitlement_id, "I present the new brochure on Thursday.", "demo-ask"
        )
        _say(
            f"CreateAccessRequest → {request.access_request_id} {_state(request)} "
            f"after {_milliseconds(began)} ms"
        )
        async for now in self._guide.watch_request(request.access_request_id):
            request = now
            _say(f"WatchAccessRequest  → {_state(request)} after {_milliseconds(began)} ms")
        if request.state != access_request_pb2.ACCESS_REQUEST_STATE_FULFILLED:
            raise SystemExit(f"the access request ended {_state(request)}")
        return request

    async def check_entra(self, request: access_request_pb2.AccessRequest) -> None:
        _step("The access request's timeline")
        began = request.create_time.ToDatetime(UTC)
        for entry in request.timeline:
            after = (entry.entry_time.ToDatetime(UTC) - began).total_seconds() * 1000
            _say(f"{after:8.1f} ms  {told(entry)}")
        _step("What the simulated Entra wrote down")
        writes = await self._entra.writes(cast.REQUESTER.entra_object_id)
        for call in writes:
            for change in call["changes"]:
                _say(f"{call['method']} {_short(call['path'])} → {call['status']}")
                _say(
                    f"    {change['kind']} {change['action']}: "
                    f"{change['principal']['displayName']} → {change['target']['displayName']}"
                )
        holdings = await self._entra.holds(cast.REQUESTER.entra_object_id)
        assigned = cast.SERVICE_PRINCIPAL_ID in holdings.service_principal_ids
        member = cast.VIEWERS_GROUP_ID in holdings.group_ids
        _say(
            f"app assignment in Entra: {_yes(assigned)}; group membership in Entra: {_yes(member)}"
        )
        if not (assigned and member and len(writes) == 2):
            raise SystemExit("Entra does not have exactly what was approved")

    async def give_back(self, lease_id: str) -> None:
        _step("When the access ends, Entra loses it")
        lease = await self._guide.give_back(lease_id, "The presentation is over.")
        _say(f"RevokeLease → {lease_id} {enum_word(lease_pb2.LeaseState, lease.state)}")
        await self._events.until("LeaseRemoved")
        lease = await self._guide.lease(lease_id)
        _say(f"GetLease    → {enum_word(lease_pb2.LeaseState, lease.state)}")
        holdings = await self._entra.holds(cast.REQUESTER.entra_object_id)
        assigned = cast.SERVICE_PRINCIPAL_ID in holdings.service_principal_ids
        member = cast.VIEWERS_GROUP_ID in holdings.group_ids
        _say(
            f"app assignment in Entra: {_yes(assigned)}; group membership in Entra: {_yes(member)}"
        )
        if assigned or member:
            raise SystemExit("Entra still has the access")

    async def decide(self, client: Callable[[Member], Client]) -> None:
        """A role that the requester's manager has to approve."""
        name = cast.REQUESTER.name
        _step(f"6. {name} asks for a role that their manager has to approve")
        (app,) = await self._guide.app_catalog(cast.APP)
        role = next(e for e in app.entitlements if e.resource_kind != 1)
        await Rulebook(self._guide.operator).use(role.entitlement_id, MANAGER_APPROVAL)
        asking = Decider(self._guide.requester)
        preview = await asking.preview(role.entitlement_id)
        (step,) = preview.steps
        (manager,) = step.approvers
        _say(f"PreviewAccessRequest  → {role.display_name}: {step.summary}, {manager.display_name}")
        request = await self._guide.ask(role.entitlement_id, "I edit the brochure.")
        _say(f"CreateAccessRequest   → {request.access_request_id} {_state(request)}")
        try:
            await asking.approve(request, "It is only me.")
        except grpc.aio.AioRpcError as error:
            _say(f"ApproveAccessRequest by {name} → {error.code().name} {error_info(error).reason}")
            _say(f"  “{error.details()}”")
        else:
            raise SystemExit("somebody approved their own access request")
        member = Member("manager", manager.display_name, manager.entra_object_id)
        boss = Decider(client(member))
        user_id = ids.user_id(cast.TENANT_ID, member.entra_object_id)
        (waiting,) = await boss.inbox(user_id)
        _say(
            f"ListAccessRequests    → in {member.name}'s inbox: {waiting.requester.display_name}, "
            f"“{waiting.justification}”"
        )
        await boss.approve(waiting, "For two hours.", timedelta(hours=2))
        async for now in self._guide.watch_request(request.access_request_id):
            request = now
        _say(f"ApproveAccessRequest  by {member.name}, for two hours → {_state(request)}")
        holdings = await self._entra.holds(cast.REQUESTER.entra_object_id)
        member_now = cast.EDITORS_GROUP_ID in holdings.group_ids
        _say(f"group membership in Entra: {_yes(member_now)}")
        if not member_now:
            raise SystemExit("Entra does not have what the manager approved")


def _state(request: access_request_pb2.AccessRequest) -> str:
    return enum_word(access_request_pb2.AccessRequestState, request.state)


def _milliseconds(began: float) -> str:
    return f"{(time.perf_counter() - began) * 1000:.0f}"


def _short(path: str) -> str:
    return path if len(path) <= _WIDTH else path[: _WIDTH - 1] + "…"


def _yes(value: bool) -> str:
    return "yes" if value else "no"
