"""A stand-in for Microsoft's login endpoint and Microsoft Graph v1.0, over real HTTPS.

It answers the routes the connector uses as Microsoft answers them, refuses what Microsoft
refuses, keeps its tenant across restarts, and journals every call it was asked.
"""

from tools.entra_simulator.server import Simulator
from tools.entra_simulator.tenant_file import built_in_tenant, read_tenant_file

__all__ = ["Simulator", "built_in_tenant", "read_tenant_file"]
