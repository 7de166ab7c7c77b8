"""Apps."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from libs.domain.changes import Write
from libs.domain.paging import Page, PageRequest
from services.catalog.domain.app import App, AppState, ManagedApp
from services.catalog.domain.shown_app import ShownApp
from services.catalog.domain.unmanage import Unmanaging


@dataclass(frozen=True, slots=True)
class AppFilter:
    """Which apps: in this state, whose name contains `query`, found by this connection, and that
    this person answers for. Empty and none: any."""

    state: AppState | None = None
    query: str = ""
    connection_id: str = ""
    owner_user_id: str = ""


class Apps(Protocol):
    """The apps."""

    async def find_all(self, app_ids: Collection[str]) -> Mapping[str, ShownApp]:
        """Those of these apps that there are, with who answers for them, by id."""
        ...

    async def shown(self, app_id: str) -> ShownApp | None:
        """The app with this id, and who answers for it."""
        ...

    def updated(self, before: ShownApp, after: ShownApp) -> tuple[Write, ...]:
        """Keeps what is said of an app here."""
        ...

    def unmanaged(self, unmanaging: Unmanaging) -> tuple[Write, ...]:
        """Takes away everything that managing an app and later choices gave it."""
        ...

    async def find(self, app_id: str) -> App | None:
        """The app with this id."""
        ...

    async def page(self, wanted: AppFilter, page: PageRequest) -> Page[ShownApp]:
        """Apps by name, with who answers for them. A page may hold few, though more follow."""
        ...

    def managed(self, managed: ManagedApp) -> tuple[Write, ...]:
        """Keeps what managing an app made of it."""
        ...
