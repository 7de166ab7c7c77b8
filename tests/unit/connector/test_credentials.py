"""Secrets, tokens and clouds: what is read, what is sent where, and what is never shown."""

import asyncio
import base64
import json
import threading
from pathlib import Path

import pytest

from libs.domain.callers import Service
from libs.domain.errors import AlreadyExists, Invalid, WrongState
from services.connector.domain.connection import CheckReport
from services.connector.entra.clouds import SIMULATOR, Cloud, clouds
from services.connector.entra.problems import Problem
from services.connector.entra.secrets import SecretMissing, SecretsFolder
from services.connector.entra.token import Token, TokenSource
from services.connector.handlers.create_connection import Command, CreateConnection
from services.connector.ports import Entra
from tests.fakes.clock import FakeClock
from tests.fakes.connector_store import FakeConnections
from tests.unit.connector.provisioning_house import CONNECTION

_MARKER = "m4rker-secret"
_ACTOR = Service("connector")


class TestSecrets:
    def test_is_read_without_blanks(self, tmp_path: Path) -> None:
        """Editors and shells leave a line break at the end."""
        (tmp_path / "contoso").write_text(f"  {_MARKER}\n")
        assert SecretsFolder(tmp_path).read("contoso") == _MARKER

    @pytest.mark.parametrize("name", ["missing", "empty", "folder", ".", "..", "../outside", "out"])
    async def test_anything_else_is_no_secret(self, tmp_path: Path, name: str) -> None:
        """Neither what is empty, nor a folder, nor anything outside, links included."""
        folder = tmp_path / "secrets"
        (folder / "folder").mkdir(parents=True)
        (folder / "empty").write_text("\n ")
        (tmp_path / "outside").write_text(_MARKER)
        (folder / "out").symlink_to(tmp_path / "outside")
        secrets = SecretsFolder(folder)
        assert not await secrets.has(name)
        with pytest.raises(SecretMissing) as raised:
            secrets.read(name)
        assert _MARKER not in str(raised.value)

    def test_what_is_no_text_is_not_quoted(self, tmp_path: Path) -> None:
        """A decoding error would quote what it could not decode."""
        (tmp_path / "binary").write_bytes(_MARKER.encode() + b"\xff\xfe")
        with pytest.raises(SecretMissing) as raised:
            SecretsFolder(tmp_path).read("binary")
        assert raised.value.__cause__ is None and _MARKER not in str(raised.value)

    def test_a_link_within_the_folder_is_followed(self, tmp_path: Path) -> None:
        """As in the volumes that Kubernetes mounts."""
        (tmp_path / "..data").mkdir()
        (tmp_path / "..data" / "contoso").write_text(_MARKER)
        (tmp_path / "contoso").symlink_to(tmp_path / "..data" / "contoso")
        assert SecretsFolder(tmp_path).read("contoso") == _MARKER


class TestTokens:
    async def test_many_who_ask_cause_one_sign_in(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """One refresh is under way at a time, off the event loop, and a fresh token is kept."""
        threads: list[int] = []
        source = TokenSource(_cloud(), "tenant", "client", lambda: _MARKER)

        def fetch() -> Token | Problem:
            threads.append(threading.get_ident())
            return Token("text", float("inf"))

        monkeypatch.setattr(source, "_fetch", fetch)
        found = await asyncio.gather(*(source.token() for _ in range(20)))
        assert len(set(map(id, found))) == 1
        await source.token()
        assert len(threads) == 1 and threads[0] != threading.get_ident()

    async def test_who_gives_up_waiting_does_not_stop_the_others(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A cancelled caller leaves the sign-in to those who still wait."""
        source = TokenSource(_cloud(), "tenant", "client", lambda: _MARKER)
        go = threading.Event()

        def fetch() -> Token | Problem:
            go.wait(5)
            return Token("text", float("inf"))

        monkeypatch.setattr(source, "_fetch", fetch)
        first, second = (asyncio.create_task(source.token()) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        go.set()
        assert isinstance(await second, Token)

    async def test_a_failure_is_not_kept(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The next who asks tries again."""
        source = TokenSource(_cloud(), "tenant", "client", lambda: _MARKER)
        answers = iter([Problem(401, "invalid_client", "no"), Token("text", float("inf"))])
        monkeypatch.setattr(source, "_fetch", lambda: next(answers))
        assert isinstance(await source.token(), Problem)
        assert isinstance(await source.token(), Token)

    async def test_a_missing_secret_is_a_problem(self) -> None:
        """It is said which, and nothing is sent."""

        def missing() -> str:
            raise SecretMissing("contoso")

        problem = await TokenSource(_cloud(), "tenant", "client", missing).token()
        assert isinstance(problem, Problem)
        assert problem.signing_in and not problem.sent and "contoso" in problem.message

    async def test_an_authority_that_does_not_answer_is_passing(self) -> None:
        """Nobody listens there: it may well work later, and the secret is in no text."""
        problem = await TokenSource(_cloud(), "tenant", "client", lambda: _MARKER).token()
        assert isinstance(problem, Problem)
        assert problem.is_passing and not problem.sent and _MARKER not in repr(problem)

    def test_permissions_are_read_and_nonsense_is_none(self) -> None:
        """The roles claim, and nothing from what is no token of Entra."""
        claims = base64.urlsafe_b64encode(json.dumps({"roles": ["A", "B"]}).encode()).decode()
        assert Token(f"x.{claims.rstrip('=')}.y", 0.0).permissions() == {"A", "B"}
        for text in ("", "a.b.c", "a.b", f"x.{base64.urlsafe_b64encode(b'[1]').decode()}.y"):
            assert Token(text, 0.0).permissions() == frozenset()


class _Entra:
    """Knows two clouds."""

    def clouds(self) -> list[str]:
        return ["global", "simulator"]

    async def check(self, connection: object) -> CheckReport:
        raise AssertionError("not asked here")


class _Secrets:
    """Has one secret."""

    async def has(self, name: str) -> bool:
        return name == "contoso"


class TestCreateConnection:
    def _command(self, **fields: str) -> Command:
        usual = {
            "display_name": "Fabrikam",
            "entra_tenant_id": "99999999-1111-1111-1111-111111111111",
            "entra_client_id": "33333333-3333-3333-3333-333333333333",
            "client_secret_name": "contoso",
            "cloud": "global",
        }
        return Command(actor=_ACTOR, **(usual | fields))

    def _create(self) -> CreateConnection:
        entra: Entra = _Entra()  # type: ignore[assignment]  # as much as is asked here
        return CreateConnection(FakeConnections(CONNECTION), _Secrets(), entra, FakeClock())

    async def test_another_tenant_may_share_the_secret_within_a_cloud(self) -> None:
        """One app registration can serve several tenants."""
        outcome = await self._create()(self._command())
        assert outcome.result.cloud == "global"

    async def test_a_secret_is_sent_to_one_cloud_only(self) -> None:
        """A second cloud never gets a secret that is meant for another."""
        with pytest.raises(Invalid) as raised:
            await self._create()(self._command(cloud="simulator"))
        assert raised.value.facts["cloud"] == "global"

    async def test_unknown_clouds_secrets_and_known_tenants_are_refused(self) -> None:
        """Each with its own reason."""
        with pytest.raises(Invalid) as cloud:
            await self._create()(self._command(cloud="mars"))
        assert cloud.value.reason == "CLOUD_UNKNOWN"
        assert cloud.value.facts["clouds"] == "global, simulator"
        with pytest.raises(WrongState) as secret:
            await self._create()(self._command(client_secret_name="other"))
        assert secret.value.reason == "SECRET_NOT_FOUND"
        with pytest.raises(AlreadyExists) as tenant:
            await self._create()(self._command(entra_tenant_id=CONNECTION.entra_tenant_id))
        assert tenant.value.reason == "TENANT_ALREADY_CONNECTED"
        assert tenant.value.facts["connection_id"] == "con_1"


def test_clouds_are_microsofts_and_the_simulator_where_set(tmp_path: Path) -> None:
    """Every address is https, and no two clouds share a host."""
    without = clouds(simulator_url=None, simulator_ca_file=None)
    assert list(without) == ["global", "usgov", "china"]
    with_it = clouds(simulator_url="https://localhost:1/", simulator_ca_file=tmp_path / "ca")
    assert with_it[SIMULATOR].graph_url == "https://localhost:1"
    for kind in ("login_url", "graph_url"):
        urls = [getattr(cloud, kind) for cloud in with_it.values()]
        assert len(set(urls)) == len(urls) and all(url.startswith("https://") for url in urls)


def _cloud() -> Cloud:
    # Port 9 of the loopback: nobody listens there.
    return Cloud("test", "https://127.0.0.1:9", "https://127.0.0.1:9", "scope/.default")
