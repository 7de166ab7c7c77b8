"""The owners of apps.

No delta tells of them: they are read with everything else when everything is read, and of an app
that is new at once. Between two such syncs they may be out of date.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

from services.connector.domain.directory import AppInScope, DirectoryPage, OwnersRead, Phase
from services.connector.entra import objects
from services.connector.entra.lists import ListPage, Lists, failed
from services.connector.entra.objects import Item
from services.connector.entra.problems import Problem
from services.connector.entra.sync.checkpoint import Position

_MOST_IN_A_BATCH = 20
# More people than that own no app that anybody answers for.
_MOST_OWNERS = 500


async def owner_pages(
    lists: Lists, apps: Sequence[AppInScope], position: Position, *, is_whole: bool
) -> AsyncIterator[DirectoryPage]:
    """The owners of all apps, or of those whose owners nobody has read yet.

    Raises:
        ReadFailed: they can't be read.
    """
    wanted = sorted(
        app.entra_service_principal_id
        for app in apps
        if (is_whole or not app.owners_known)
        and app.entra_service_principal_id > position.owners_after
    )
    for start in range(0, len(wanted), _MOST_IN_A_BATCH):
        asked = wanted[start : start + _MOST_IN_A_BATCH]
        answers = await lists.batch([_path(app_id) for app_id in asked])
        found = [
            OwnersRead(app_id, await _people(lists, app_id, answer))
            for app_id, answer in zip(asked, answers, strict=True)
            # It vanished since it was listed; the next delta says so.
            if not (isinstance(answer, Problem) and answer.status == 404)
        ]
        behind = replace(position, owners_after=asked[-1]).text()
        yield DirectoryPage(Phase.APP_OWNERS, behind, position.round, owners_read=found)


async def _people(lists: Lists, app_id: str, answer: ListPage | Problem) -> tuple[str, ...]:
    people: dict[str, None] = {}
    seen: set[str] = set()
    while True:
        if isinstance(answer, Problem):
            raise failed(f"the owners of {app_id}", answer, "Application.Read.All")
        people |= dict.fromkeys(map(objects.object_id, filter(_is_person, answer.items)))
        link = answer.next_link
        if link is None or link in seen or len(people) >= _MOST_OWNERS:
            return tuple(people)[:_MOST_OWNERS]
        seen.add(link)
        answer = await lists.page(link)


def _is_person(item: Item) -> bool:
    return item.get("@odata.type") == "#microsoft.graph.user"


def _path(app_id: str) -> str:
    return f"/servicePrincipals/{app_id}/owners?$select=id&$top=999"
