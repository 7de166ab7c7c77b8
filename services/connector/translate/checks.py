"""What trying a connection found, as messages."""

from latchkey.connector.v1 import connection_pb2
from services.connector.domain.connection import Check, CheckReport


def test_response(report: CheckReport) -> connection_pb2.TestConnectionResponse:
    """The whole report."""
    return connection_pb2.TestConnectionResponse(
        ok=report.ok,
        tenant_display_name=report.tenant_display_name,
        checks=[_check(check) for check in report.checks],
        unneeded_permissions=report.unneeded,
    )


def _check(check: Check) -> connection_pb2.ConnectionCheck:
    return connection_pb2.ConnectionCheck(
        name=check.name,
        ok=check.ok,
        permission=", ".join(check.needed),
        problem=check.problem,
        state=connection_pb2.CapabilityState.Value(f"CAPABILITY_STATE_{check.state.value}"),
        granted_permissions=check.granted,
    )
