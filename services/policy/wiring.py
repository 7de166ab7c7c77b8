"""The policy service: its parts, and what each of them is given."""

import structlog

from libs.process.run import Life
from libs.process.service import Service, start
from libs.process.settings import load
from services.policy import clients
from services.policy.expressions import CelExpressions
from services.policy.handlers.remembered_policies import RememberedPolicies
from services.policy.servicers import ACCESS, servicers
from services.policy.settings import Settings
from services.policy.store import MIGRATIONS
from services.policy.store.policies import StoredPolicies
from services.policy.store.tables import ledger
from services.policy.translate.events import fact_to_message

_log = structlog.get_logger(__name__)


async def _catalog(service: Service, settings: Settings) -> clients.Catalog | clients.NoCatalog:
    """The catalog, which need not be there yet."""
    if settings.catalog_address is None:
        _log.warning("deletes_no_policy", missing="LATCHKEY_CATALOG_ADDRESS")
        return clients.NoCatalog()
    return clients.Catalog(await service.peer("catalog", settings.catalog_address))


async def main(life: Life) -> None:
    """From settings to serving."""
    settings = load(Settings)
    service = await Service.begin(
        life,
        settings,
        name="policy",
        migrations=MIGRATIONS,
        ledger=ledger,
        fact_to_message=fact_to_message,
    )
    policies = StoredPolicies(service.database)
    remembered = RememberedPolicies(policies)
    service.committer.on_commit(remembered.committed)
    answered = servicers(
        writes=service.writes,
        policies=policies,
        remembered=remembered,
        expressions=CelExpressions(),
        catalog=await _catalog(service, settings),
        clock=service.clock,
        default_policy_id=settings.default_policy_id,
    )
    await service.serve(answered, ACCESS)


def run() -> None:
    """The whole process, from its words to its end."""
    start(main, Settings, MIGRATIONS)
