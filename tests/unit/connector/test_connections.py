"""Connections: how they are made and changed, and where their secrets may go."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from libs.domain.callers import Service
from libs.domain.errors import AlreadyExists, Conflict, Invalid, NotFound, WrongState
from libs.domain.ids import new_id
from services.connector.domain import errors, facts
from services.connector.domain.connection import (
    CheckReport,
    ConnectionMode,
    Credential,
    CredentialKind,
    RemovedAccessAction,
    SyncSchedule,
    Wishes,
)
from services.connector.domain.sync import Sync, SyncState, first_progress
from services.connector.entra.clouds import SIMULATOR, clouds
from services.connector.entra.credentials.http import ForeignHost, LoginHttp
from services.connector.handlers import create_connection, update_connection
from services.connector.handlers.create_connection import CreateConnection
from services.connector.handlers.update_connection import UpdateConnection
from services.connector.ports import Entra, Syncs
from tests.fakes.clock import FakeClock
from tests.fakes.connector_store import FakeConnections, FakeSyncs
from tests.unit.connector.provisioning_house import CONNECTION

_ACTOR = Service("connector")
_SECRET = Credential(CredentialKind.CLIENT_SECRET, "contoso")
_CERTIFICATE = Credential(CredentialKind.CERTIFICATE, "contoso.pem")
_MACHINE = Credential(CredentialKind.MANAGED_IDENTITY)
_NOW = datetime(2026, 3, 2, tzinfo=UTC)
_SYNC = Sync(new_id("syn"), "con_1", SyncState.SUCCEEDED, first_progress(), "", _NOW)


class _OneRuns(FakeSyncs):
    async def running_of(self, connection_id: str) -> Sync | None:
        return self.last


class _Entra:
    """Knows two clouds."""

    def clouds(self) -> list[str]:
        return ["global", "simulator"]

    async def check(self, connection: object) -> CheckReport:
        raise AssertionError("not asked here")


class _Secrets:
    """Has some that can be used, and one that can't."""

    async def check(self, credential: Credential) -> None:
        if credential.name == "broken":
            raise errors.secret_unusable("broken", "it is encrypted")
        if credential.name not in ("contoso", "contoso.pem", ""):
            raise errors.secret_not_found(credential.name)


_WISH = create_connection.Command(
    actor=_ACTOR,
    display_name="Fabrikam",
    entra_tenant_id="99999999-1111-1111-1111-111111111111",
    entra_client_id="33333333-3333-3333-3333-333333333333",
    credential=_SECRET,
    credential_field="connection.client_secret_name",
    cloud="global",
    mode=ConnectionMode.FULL,
    schedule=SyncSchedule(),
    removed_access_action=RemovedAccessAction.END,
)


class TestCreateConnection:
    def _create(self) -> CreateConnection:
        entra: Entra = _Entra()  # type: ignore[assignment]  # as much as is asked here
        return CreateConnection(FakeConnections(CONNECTION), _Secrets(), entra, FakeClock())

    async def test_another_tenant_may_share_the_secret_within_a_cloud(self) -> None:
        """One app registration can serve several tenants."""
        outcome = await self._create()(_WISH)
        assert outcome.result.cloud == "global" and not outcome.result.groups_only

    async def test_a_secret_is_sent_to_one_cloud_only(self) -> None:
        """A second cloud never gets a secret that is meant for another, whatever kind it is of."""
        for kind in CredentialKind:
            wish = replace(_WISH, cloud="simulator", credential=Credential(kind, "contoso"))
            with pytest.raises(Invalid) as raised:
                await self._create()(wish)
            assert raised.value.facts["cloud"] == "global"
            assert raised.value.violations[0].field == "connection.client_secret_name"

    async def test_a_machines_identity_is_nobodys_secret(self) -> None:
        """There is no file that two clouds could share."""
        outcome = await self._create()(replace(_WISH, cloud="simulator", credential=_MACHINE))
        assert outcome.result.credential == _MACHINE

    async def test_unknown_clouds_secrets_and_known_tenants_are_refused(self) -> None:
        """Each with its own reason."""
        with pytest.raises(Invalid) as cloud:
            await self._create()(replace(_WISH, cloud="mars"))
        assert cloud.value.reason == "CLOUD_UNKNOWN"
        assert cloud.value.facts["clouds"] == "global, simulator"
        for name, reason in (("other", "SECRET_NOT_FOUND"), ("broken", "SECRET_UNUSABLE")):
            credential = Credential(CredentialKind.CERTIFICATE, name)
            with pytest.raises(WrongState) as secret:
                await self._create()(replace(_WISH, credential=credential))
            assert secret.value.reason == reason
        with pytest.raises(AlreadyExists) as tenant:
            await self._create()(replace(_WISH, entra_tenant_id=CONNECTION.entra_tenant_id))
        assert tenant.value.reason == "TENANT_ALREADY_CONNECTED"
        assert tenant.value.facts["connection_id"] == "con_1"


class TestUpdateConnection:
    syncs: Syncs = FakeSyncs()

    def _update(self) -> UpdateConnection:
        return UpdateConnection(
            FakeConnections(CONNECTION), _Secrets(), self.syncs, FakeClock(_NOW)
        )

    def _command(self, wishes: Wishes, etag: str = "") -> update_connection.Command:
        return update_connection.Command(
            _ACTOR, "con_1", etag, wishes, "connection.certificate.certificate_name"
        )

    async def test_only_what_is_wished_is_changed(self) -> None:
        """The event names the fields, the audit record what they were and are."""
        wishes = Wishes(
            credential=_CERTIFICATE,
            mode=ConnectionMode.GROUPS_ONLY,
            full_interval=timedelta(days=1),
        )
        outcome = await self._update()(self._command(wishes, "1"))
        after = outcome.result
        assert (after.version, after.credential, after.groups_only) == (2, _CERTIFICATE, True)
        assert after.schedule == SyncSchedule(full_interval=timedelta(days=1))
        assert after.display_name == CONNECTION.display_name
        assert outcome.change is not None
        [fact] = outcome.change.facts
        changed = ("certificate", "mode", "sync_schedule.full_interval")
        assert fact.body == facts.ConnectionUpdated("con_1", changed, _ACTOR)
        assert outcome.change.audit.details == {
            "before": {
                "client_secret_name": "contoso",
                "mode": "FULL",
                "sync_schedule.full_interval": "7 days, 0:00:00",
            },
            "after": {
                "certificate": "contoso.pem",
                "mode": "GROUPS_ONLY",
                "sync_schedule.full_interval": "1 day, 0:00:00",
            },
        }

    async def test_another_mode_starts_a_sync(self) -> None:
        """The catalog hears of it, and offers what can be had now."""
        self.syncs = FakeSyncs(_SYNC)
        outcome = await self._update()(self._command(Wishes(mode=ConnectionMode.GROUPS_ONLY)))
        assert outcome.change is not None
        _, started = outcome.change.facts
        assert isinstance(started.body, facts.SyncStarted)
        assert started.body == facts.SyncStarted(started.resource_id, "con_1", _ACTOR)
        assert outcome.change.audit.details["sync_id"] == started.resource_id > _SYNC.sync_id

    @pytest.mark.parametrize(
        ("syncs", "wishes"),
        [
            (FakeSyncs(), Wishes(mode=ConnectionMode.GROUPS_ONLY)),
            (FakeSyncs(_SYNC), Wishes(mode=ConnectionMode.GROUPS_ONLY, paused=True)),
            (FakeSyncs(_SYNC), Wishes(display_name="New", mode=ConnectionMode.FULL)),
            (_OneRuns(_SYNC), Wishes(mode=ConnectionMode.GROUPS_ONLY)),
        ],
        ids=["nothing was synced yet", "paused", "the same mode", "one runs"],
    )
    async def test_no_sync_is_started(self, syncs: FakeSyncs, wishes: Wishes) -> None:
        """Where a person starts them, or the mode is what it was, or one is under way."""
        self.syncs = syncs
        outcome = await self._update()(self._command(wishes))
        assert outcome.change is not None
        assert [type(fact.body) for fact in outcome.change.facts] == [facts.ConnectionUpdated]

    async def test_to_a_machines_identity(self) -> None:
        """A credential without a file is a change too."""
        outcome = await self._update()(self._command(Wishes(credential=_MACHINE)))
        assert outcome.change is not None
        assert outcome.change.facts[0].body == facts.ConnectionUpdated(
            "con_1", ("managed_identity",), _ACTOR
        )

    async def test_what_is_so_already_changes_nothing(self) -> None:
        """No event, no record, the same etag."""
        outcome = await self._update()(self._command(Wishes(display_name="Contoso", paused=False)))
        assert outcome.change is None and outcome.result == CONNECTION

    async def test_is_refused(self) -> None:
        """For an etag of before, for a secret that is not there, or what is not known."""
        with pytest.raises(Conflict) as etag:
            await self._update()(self._command(Wishes(display_name="New"), "2"))
        assert etag.value.reason == "ETAG_MISMATCH"
        with pytest.raises(WrongState) as secret:
            credential = Credential(CredentialKind.CERTIFICATE, "broken")
            await self._update()(self._command(Wishes(credential=credential)))
        assert secret.value.reason == "SECRET_UNUSABLE"
        with pytest.raises(NotFound):
            await self._update()(replace(self._command(Wishes()), connection_id="con_2"))


def test_clouds_are_microsofts_and_the_simulator_where_set(tmp_path: Path) -> None:
    """Every address is https; only the two of the US government sign in at the same place."""
    without = clouds(simulator_url=None, simulator_ca_file=None)
    assert {name: (cloud.login_url, cloud.graph_url) for name, cloud in without.items()} == {
        "global": ("https://login.microsoftonline.com", "https://graph.microsoft.com"),
        "usgov": ("https://login.microsoftonline.us", "https://graph.microsoft.us"),
        "usgov-dod": ("https://login.microsoftonline.us", "https://dod-graph.microsoft.us"),
        "china": (
            "https://login.partner.microsoftonline.cn",
            "https://microsoftgraph.chinacloudapi.cn",
        ),
    }
    for cloud in without.values():
        assert cloud.scope == f"{cloud.graph_url}/.default"
    with_it = clouds(simulator_url="https://localhost:1/", simulator_ca_file=tmp_path / "ca")
    assert with_it[SIMULATOR].graph_url == "https://localhost:1"


def _hosts(urls: Iterable[str]) -> set[str]:
    return {url.removeprefix("https://") for url in urls}


@pytest.mark.parametrize("name", ["global", "usgov", "usgov-dod", "china"])
async def test_a_secret_goes_to_no_host_of_another_cloud(name: str) -> None:
    """Nor anywhere else: it is refused before a connection is made."""
    known = clouds(simulator_url=None, simulator_ca_file=None)
    own = _hosts(known[name].login_urls)
    others = {host for cloud in known.values() for host in _hosts(cloud.login_urls)} - own
    others |= {f"{host}.example" for host in own} | {f"{host}:8443" for host in own}

    def send() -> None:
        with LoginHttp(True, known[name].login_urls, trust_env=False, seconds=1) as http:
            for host in others:
                with pytest.raises(ForeignHost):
                    http.post(f"https://{host}/token", data={"client_secret": "x"})
            for host in own:
                with pytest.raises(ForeignHost):
                    http.get(f"http://{host}/")

    await asyncio.to_thread(send)
