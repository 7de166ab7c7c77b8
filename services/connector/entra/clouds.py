"""Microsoft's clouds: where each signs in, and where its Graph answers.

A connection's secret and its tokens go to the hosts of its own cloud and to no others.
Sources: Microsoft Learn, "Microsoft Graph national cloud deployments" and "Microsoft Entra
authentication and national clouds"; for China the login host that Microsoft's own list of instances
prefers, of which the older name is an alias.
"""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

GLOBAL = "global"
SIMULATOR = "simulator"


@dataclass(frozen=True, slots=True)
class Cloud:
    """One cloud. URLs have no slash at their end.

    `ca_file` is the authority to trust instead of the machine's own. `login_aliases` are other
    names of its login endpoint, which its discovery document may name.
    """

    name: str
    login_url: str
    graph_url: str
    scope: str
    ca_file: Path | None = None
    login_aliases: tuple[str, ...] = ()

    @property
    def login_urls(self) -> tuple[str, ...]:
        """Every place that a secret may be sent to."""
        return (self.login_url, *self.login_aliases)

    def trust(self) -> ssl.SSLContext:
        """Whose certificates are believed."""
        return ssl.create_default_context(cafile=self.ca_file)


_MICROSOFT = (
    Cloud(
        GLOBAL,
        "https://login.microsoftonline.com",
        "https://graph.microsoft.com",
        "https://graph.microsoft.com/.default",
    ),
    Cloud(
        "usgov",
        "https://login.microsoftonline.us",
        "https://graph.microsoft.us",
        "https://graph.microsoft.us/.default",
    ),
    # The Department of Defense: signs in where "usgov", which is L4, does, and has its own Graph.
    Cloud(
        "usgov-dod",
        "https://login.microsoftonline.us",
        "https://dod-graph.microsoft.us",
        "https://dod-graph.microsoft.us/.default",
    ),
    Cloud(
        "china",
        "https://login.partner.microsoftonline.cn",
        "https://microsoftgraph.chinacloudapi.cn",
        "https://microsoftgraph.chinacloudapi.cn/.default",
        login_aliases=("https://login.chinacloudapi.cn",),
    ),
)


def clouds(*, simulator_url: str | None, simulator_ca_file: Path | None) -> Mapping[str, Cloud]:
    """The clouds by name: Microsoft's, and the simulator where there is one."""
    known = {cloud.name: cloud for cloud in _MICROSOFT}
    if simulator_url is not None:
        url = simulator_url.rstrip("/")
        # The simulator plays the global cloud, whose tokens are for this audience.
        scope = known[GLOBAL].scope
        known[SIMULATOR] = Cloud(SIMULATOR, url, url, scope, simulator_ca_file)
    return known
