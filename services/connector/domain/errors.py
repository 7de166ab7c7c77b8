"""How the connector refuses."""

from collections.abc import Iterable

from libs.domain.errors import AlreadyExists, Invalid, NotFound, WrongState


def connection_not_found(connection_id: str) -> NotFound:
    """No connection has this id."""
    return NotFound(
        "CONNECTION_NOT_FOUND",
        f"There is no connection {connection_id}.",
        connection_id=connection_id,
    )


def tenant_already_connected(entra_tenant_id: str, connection_id: str) -> AlreadyExists:
    """A tenant is connected once."""
    return AlreadyExists(
        "TENANT_ALREADY_CONNECTED",
        f"The tenant {entra_tenant_id} is connected already, by {connection_id}.",
        entra_tenant_id=entra_tenant_id,
        connection_id=connection_id,
    )


def secret_not_found(name: str) -> WrongState:
    """The secrets folder has no such file, or an empty one."""
    return WrongState(
        "SECRET_NOT_FOUND",
        f"The connector's secrets folder has no {name}, or it is empty.",
        name=name,
    )


def secret_unusable(name: str, problem: str) -> WrongState:
    """The file is there, and is not what the connection says it is."""
    return WrongState(
        "SECRET_UNUSABLE",
        f"{name} in the connector's secrets folder can't be used: {problem}.",
        name=name,
        problem=problem,
    )


def secret_of_another_cloud(field: str, name: str, cloud: str, connection_id: str) -> Invalid:
    """A secret that belongs to one cloud is never sent to another."""
    return Invalid.field(
        field,
        f"{name} is the secret of {connection_id} in the cloud {cloud}, and is sent to no other "
        "cloud",
        name=name,
        cloud=cloud,
        connection_id=connection_id,
    )


def cloud_unknown(cloud: str, known: Iterable[str]) -> Invalid:
    """The connector has no endpoints for this cloud."""
    clouds = ", ".join(known)
    return Invalid.field(
        "connection.cloud",
        f"{cloud} is not known, the clouds are {clouds}",
        reason="CLOUD_UNKNOWN",
        cloud=cloud,
        clouds=clouds,
    )


def sync_not_found(sync_id: str) -> NotFound:
    """No sync has this id."""
    return NotFound("SYNC_NOT_FOUND", f"There is no sync {sync_id}.", sync_id=sync_id)


def sync_running(connection_id: str, sync_id: str) -> AlreadyExists:
    """A connection has one sync at a time."""
    return AlreadyExists(
        "SYNC_RUNNING",
        f"{connection_id} is being synced, by {sync_id}.",
        connection_id=connection_id,
        sync_id=sync_id,
    )


def sync_finished(sync_id: str, state: str) -> WrongState:
    """A sync that is over stays as it is."""
    return WrongState(
        "SYNC_FINISHED", f"{sync_id} is over: it is {state}.", sync_id=sync_id, state=state
    )


def sync_not_held(sync_id: str, state: str) -> WrongState:
    """Only a sync that waits for it is confirmed."""
    return WrongState(
        "SYNC_NOT_HELD",
        f"{sync_id} does not wait to be confirmed: it is {state}.",
        sync_id=sync_id,
        state=state,
    )


def delivery_not_found(lease_id: str) -> NotFound:
    """The connector has not heard of the lease."""
    return NotFound(
        "DELIVERY_NOT_FOUND",
        f"The connector has not heard of the lease {lease_id}.",
        lease_id=lease_id,
    )


def operation_not_found(operation_id: str) -> NotFound:
    """No operation has this id."""
    return NotFound(
        "OPERATION_NOT_FOUND",
        f"There is no operation {operation_id}.",
        operation_id=operation_id,
    )


def operation_finished(operation_id: str, state: str) -> WrongState:
    """An operation that is over stays as it is."""
    return WrongState(
        "OPERATION_FINISHED",
        f"{operation_id} is over: it is {state}.",
        operation_id=operation_id,
        state=state,
    )


def reconciliation_not_found(reconciliation_id: str) -> NotFound:
    """No reconciliation has this id."""
    return NotFound(
        "RECONCILIATION_NOT_FOUND",
        f"There is no reconciliation {reconciliation_id}.",
        reconciliation_id=reconciliation_id,
    )


def reconciliation_not_held(reconciliation_id: str, state: str) -> WrongState:
    """Only a reconciliation that waits for it is confirmed."""
    return WrongState(
        "RECONCILIATION_NOT_HELD",
        f"{reconciliation_id} does not wait to be confirmed: it is {state}.",
        reconciliation_id=reconciliation_id,
        state=state,
    )
