"""What the policy service asks of the catalog: of a real one, over a real channel."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from grpc import StatusCode

from latchkey.catalog.v1 import app_pb2, owner_pb2
from latchkey.policy.v1 import policy_pb2
from libs.domain.errors import Unavailable
from libs.process.settings import SettingsError, load
from libs.rpc.peers import Peer
from libs.rpc.tokens import TokenFile
from services.policy import clients
from services.policy.domain.coverage import Inquiry
from services.policy.domain.steps import (
    AppOwners,
    Approvers,
    EntitlementOwners,
    GroupMembers,
    Manager,
    People,
)
from services.policy.settings import Settings
from tests.integration.catalog.running import RunningCatalog, running_catalog
from tests.integration.catalog.steps import EVERYONE, apply_rules, manage, offer
from tests.integration.catalog.tenant import MARLOWE, sync, user_id
from tests.integration.catalog.test_app_depth import update
from tests.integration.policy.house import PolicyHouse, a_policy, refusal
from tests.support.issuer import TestIssuer


@pytest.fixture
async def catalog(tmp_path: Path, nats_url: str) -> AsyncIterator[RunningCatalog]:
    """A running catalog, with a small tenant in it."""
    issuer = TestIssuer(tmp_path / "issuer", stranger=True)
    url = f"sqlite:///{tmp_path / 'catalog.db'}"
    async with running_catalog(url, nats_url, issuer) as running:
        await sync(running, MARLOWE)
        yield running


@pytest.fixture
async def asked(catalog: RunningCatalog) -> AsyncIterator[clients.Catalog]:
    """The catalog, as the policy service has it."""
    token = TokenFile(catalog.issuer.service_token_file("policy"))
    async with Peer("catalog", catalog.address, token) as peer:
        yield clients.Catalog(peer)


async def test_a_person_whom_the_catalog_does_not_know(
    asked: clients.Catalog, sqlite_url: str, nats_url: str, tmp_path: Path
) -> None:
    """The catalog is asked for the person who calls, by their own token: when that is not good
    there, they hear so, and not that something is away."""
    other = tmp_path / "another issuer"
    async with PolicyHouse.open(sqlite_url, nats_url, other, catalog=asked) as house:
        created = await house.create(a_policy())
        fields = {"policy_id": created.policy_id, "etag": "1"}
        await refusal(
            house.call("DeletePolicy", **fields), StatusCode.UNAUTHENTICATED, "CALLER_UNKNOWN"
        )


async def test_policy_that_an_app_uses(
    catalog: RunningCatalog, asked: clients.Catalog, sqlite_url: str, nats_url: str, tmp_path: Path
) -> None:
    """It is not deleted, for whom it finds nobody is said, and once no app uses it it can go."""
    # One folder, one issuer: the catalog must know the person for whom it is asked.
    async with PolicyHouse.open(sqlite_url, nats_url, tmp_path, catalog=asked) as house:
        manager = policy_pb2.Approvers(manager=policy_pb2.Approvers.Manager())
        approval = policy_pb2.Step(approval=policy_pb2.Step.Approval(approvers=manager))
        created = await house.create(a_policy(rules=[], baseline=[approval]))
        app = await manage(catalog, "Design Tool")
        rules = await offer(catalog, app, EVERYONE)
        rules.policy_id = created.policy_id
        rules = await apply_rules(catalog, rules)
        fields = {"policy_id": created.policy_id, "etag": "1"}
        facts = await refusal(
            house.call("DeletePolicy", **fields), StatusCode.FAILED_PRECONDITION, "POLICY_IN_USE"
        )
        assert facts["uses"] == "the rules of Design Tool"
        answer = await house.call("CheckPolicy", policy_id=created.policy_id, coverage=True)
        (found,) = answer.coverage
        # Ada has no manager; she is the manager of all others.
        assert (found.verdict, list(found.user_ids)) == (
            policy_pb2.Coverage.VERDICT_REFUTED,
            [user_id("Ada")],
        )
        assert (found.app_display_name, found.access_profile_display_name) == (
            "Design Tool",
            "Everyone",
        )
        rules.policy_id = "pol_manager"
        await apply_rules(catalog, rules)
        await house.call("DeletePolicy", **fields)


async def test_every_source_can_be_asked_about(
    catalog: RunningCatalog, asked: clients.Catalog
) -> None:
    """Whom the catalog knows; of an app that it does not know there is no answer."""
    app = await manage(catalog, "Design Tool")
    await offer(catalog, app)
    owners = [owner_pb2.Owner(user_id=user_id("Ben"))]
    await update(catalog, app_pb2.App(app_id=app.app_id, owners=owners), "owners")
    # Of Ada, Ben and Cleo.
    expected: list[tuple[Approvers, Approvers | None, int, int]] = [
        (Manager(), None, 1, 1),
        (Manager(2), None, 1, 3),
        (Manager(), AppOwners(), 1, 0),
        (AppOwners(), None, 1, 1),
        (AppOwners(), None, 0, 1),
        # There are none, so those of the app are.
        (EntitlementOwners(), None, 1, 1),
        (GroupMembers("grp_nobody"), None, 1, 3),
        (People((user_id("Ben"), user_id("Cleo"))), None, 1, 0),
        (People((user_id("Ben"), user_id("Cleo"))), None, 2, 2),
    ]
    for approvers, fallback, needed, lacking in expected:
        inquiry = Inquiry(app.app_id, EVERYONE, approvers, fallback, needed)
        gap = await asked.gap(inquiry)
        assert gap is not None
        assert gap.without_approver == len(gap.user_ids) == lacking, inquiry
        assert bool(gap.problem) == bool(lacking)
    assert await asked.gap(Inquiry("app_none", EVERYONE, AppOwners(), None, 1)) is None


async def test_catalog_that_does_not_answer(tmp_path: Path) -> None:
    """One that is away, or that is not named: it is said which, and what to set."""
    token = TokenFile(TestIssuer(tmp_path / "issuer").service_token_file("policy"))
    inquiry = Inquiry("app_1", EVERYONE, AppOwners(), None, 1)
    async with Peer("catalog", "127.0.0.1:1", token) as peer:
        for catalog, says in (
            (clients.Catalog(peer), "the catalog service does not answer"),
            (clients.NoCatalog(), "LATCHKEY_CATALOG_ADDRESS"),
        ):
            for call in (catalog.uses("pol_1", 1), catalog.gap(inquiry)):
                with pytest.raises(Unavailable, match=says):
                    await call


@pytest.mark.parametrize(
    "given", [{"TOKEN_FILE": "/somewhere"}, {"CATALOG_ADDRESS": "127.0.0.1:1"}]
)
def test_address_and_token_go_together(given: dict[str, str]) -> None:
    """One without the other is refused, and the setting is named."""
    needed = {
        "IDENTITY": "dev_house",
        "LISTEN": "127.0.0.1:0",
        "DATABASE_URL": "sqlite:///x.db",
        "NATS_URL": "nats://127.0.0.1:4222",
        "JWKS_FILE": "jwks.json",
        "AUDIT_KEY_FILE": "audit.pem",
        "ISSUER": "me",
    }
    with pytest.raises(SettingsError, match=r"^LATCHKEY_CATALOG_ADDRESS.*LATCHKEY_TOKEN_FILE"):
        load(Settings, {f"LATCHKEY_{key}": value for key, value in (needed | given).items()})
    assert load(Settings, {f"LATCHKEY_{key}": value for key, value in needed.items()})
