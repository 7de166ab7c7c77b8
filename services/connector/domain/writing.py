"""What the connector gives nobody in a tenant, whatever leases say."""

from collections.abc import Iterable, Set

from services.connector.domain.connection import Connection
from services.connector.domain.target import AppRoleGrant, Target
from services.connector.domain.verdict import Exchange, Refused, Remedy


def service_principals(targets: Iterable[Target]) -> frozenset[str]:
    """Those that targets are roles of."""
    return frozenset(
        target.kind.entra_service_principal_id
        for target in targets
        if isinstance(target.kind, AppRoleGrant)
    )


def refusal_to_add(
    connection: Connection, target: Target, protected_ids: Set[str]
) -> Refused | None:
    """Why nobody is added to a target; none when people may be.

    What was added before may be removed all the same. `protected_ids` as below.
    """
    if (refused := refusal_to_touch(target, protected_ids)) is not None:
        return refused
    if connection.groups_only and isinstance(target.kind, AppRoleGrant):
        return _refused(
            "groups_only",
            f"{connection.display_name} is connected for group memberships only, and "
            f"{target.display_name or target.directory_entitlement_id} is an app role.",
        )
    return None


def refusal_to_touch(target: Target, protected_ids: Set[str]) -> Refused | None:
    """Why what people hold of a target is nothing of ours; none when it may become that.

    `protected_ids` are the service principals that are Microsoft's own.
    """
    if not isinstance(target.kind, AppRoleGrant):
        return None
    service_principal_id = target.kind.entra_service_principal_id
    if service_principal_id in protected_ids:
        return _refused(
            "target_protected",
            f"The service principal {service_principal_id} is Microsoft's own and is never "
            "written to.",
            Remedy.HOPELESS,
        )
    return None


def _refused(reason: str, message: str, remedy: Remedy = Remedy.NEEDS_PERSON) -> Refused:
    return Refused("", reason, message, remedy, Exchange(message=message))
