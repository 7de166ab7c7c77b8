"""Who may call what."""

from libs.domain.callers import ADMIN, AUDITOR, CONNECTOR_ADMIN
from libs.rpc.access import only_services, roles

_MANAGE = roles(CONNECTOR_ADMIN)
_READ = roles(ADMIN, CONNECTOR_ADMIN, AUDITOR)

_CONNECTIONS = "/latchkey.connector.v1.ConnectionService"
_SYNCS = "/latchkey.connector.v1.SyncService"
_PROVISIONING = "/latchkey.connector.v1.ProvisioningService"
_RECONCILIATIONS = "/latchkey.connector.v1.ReconciliationService"

ACCESS = {
    f"{_CONNECTIONS}/CreateConnection": _MANAGE,
    f"{_CONNECTIONS}/GetConnection": _READ,
    f"{_CONNECTIONS}/ListConnections": _READ,
    f"{_CONNECTIONS}/UpdateConnection": _MANAGE,
    f"{_CONNECTIONS}/TestConnection": _MANAGE,
    f"{_SYNCS}/StartSync": _MANAGE,
    f"{_SYNCS}/GetSync": _READ,
    f"{_SYNCS}/ListSyncs": _READ,
    f"{_SYNCS}/WatchSync": _READ,
    f"{_SYNCS}/CancelSync": _MANAGE,
    f"{_SYNCS}/ConfirmSync": _MANAGE,
    f"{_PROVISIONING}/GetDelivery": roles(ADMIN, CONNECTOR_ADMIN, AUDITOR, services=["requests"]),
    f"{_PROVISIONING}/BatchGetDeliveries": only_services("requests"),
    f"{_PROVISIONING}/ListAssignments": _READ,
    f"{_PROVISIONING}/ListOperations": _READ,
    f"{_PROVISIONING}/GetOperation": _READ,
    f"{_PROVISIONING}/RetryOperation": _MANAGE,
    f"{_RECONCILIATIONS}/GetReconciliation": _READ,
    f"{_RECONCILIATIONS}/ListReconciliations": _READ,
    f"{_RECONCILIATIONS}/ConfirmReconciliation": _MANAGE,
}
