"""Who is assigned to the apps in scope: one list for each app, twenty lists a batch.

Graph tells no changes of these lists, so all of them are read each time, and told apart from what
was read before by a digest: an app whose digest is the same is not sent. A list is kept until that
is known; one that is too long for it is read a second time if it turns out to be another. What was
never read before is sent as it comes. So memory does not grow with the tenant.
"""

import hashlib
from collections import deque
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

from services.connector.domain.directory import (
    AppInScope,
    AppsInScope,
    AssignmentsRead,
    DirectoryPage,
    Phase,
    ReadFailed,
    RoleAssignment,
)
from services.connector.entra import objects
from services.connector.entra.lists import ListPage, Lists, failed, is_useless
from services.connector.entra.problems import Problem
from services.connector.entra.sync.checkpoint import AssignmentsMark, OpenList

_AT_ONCE = 20
_MOST_IN_A_LIST = 999
_MOST_KEPT = 20_000
_MOST_KEPT_IN_ALL = 40_000
_MOST_IN_A_PAGE = 5000
_MOST_RESTARTS = 5
_PERMISSION = "Application.Read.All"


class Digest:
    """A digest of assignments that does not depend on their order, and can be gone on with.

    The sum of their hashes: one that comes twice counts twice.
    """

    __slots__ = ("_count", "_sum")

    def __init__(self, text: str = "") -> None:
        """Nothing yet, or as far as `text` says.

        Raises:
            ReadFailed: it is no digest.
        """
        self._count = self._sum = 0
        if text:
            try:
                count, _, total = text.partition(":")
                self._count, self._sum = int(count), int(total, 16)
            except ValueError as error:
                raise ReadFailed("the digest of an app's assignments can't be read") from error

    def add(self, found: RoleAssignment) -> None:
        """One more."""
        text = f"{found.entra_app_role_id}|{found.entra_principal_id}|{found.principal_kind}"
        number = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=24).digest())
        self._sum = (self._sum + number) % (1 << 192)
        self._count += 1

    def __str__(self) -> str:
        return f"{self._count}:{self._sum:048x}"


@dataclass(slots=True)
class _AppList:
    """One app's list. `known` is the digest of before, `kept` what is not sent yet."""

    app_id: str
    known: str
    link: str = ""
    digest: Digest = field(default_factory=Digest)
    kept: list[RoleAssignment] = field(default_factory=list)
    # Too long to be kept: for now it is only compared.
    compares: bool = False
    # Some of it may have been sent before: then the digest would not tell what the catalog has.
    is_mixed: bool = False
    seen: set[str] = field(default_factory=set)
    restarts: int = 0
    is_done: bool = False

    @property
    def streams(self) -> bool:
        """Whether it is sent as it comes."""
        return not self.known

    @property
    def next_path(self) -> str:
        """Where its next page is."""
        first = f"/servicePrincipals/{self.app_id}/appRoleAssignedTo?$top={_MOST_IN_A_LIST}"
        return self.link or first

    def begin_anew(self) -> None:
        """From its first page."""
        self.link, self.digest, self.compares = "", Digest(), False
        self.kept, self.seen = [], set()


@dataclass(frozen=True, slots=True)
class Wave:
    """What a batch brought: assignments app by app, and which apps are read to their end."""

    found: list[tuple[list[RoleAssignment], AssignmentsRead | None]]
    mark: AssignmentsMark

    def pages(self, round: int, before: str, behind: str) -> Iterator[DirectoryPage]:
        """As pages for the catalog; only the last has the checkpoint `behind` it."""
        if not self.found:
            return
        assignments: list[RoleAssignment] = []
        read: list[AssignmentsRead] = []
        for more, end in self.found:
            start = 0
            while start < len(more):
                room = _MOST_IN_A_PAGE - len(assignments) - len(read)
                if room <= 0:
                    yield _page(assignments, read, before, round)
                    assignments, read = [], []
                    continue
                assignments += more[start : start + room]
                start += room
            if end is not None:
                if len(assignments) + len(read) >= _MOST_IN_A_PAGE:
                    yield _page(assignments, read, before, round)
                    assignments, read = [], []
                read.append(end)
        yield _page(assignments, read, behind, round)


def _page(
    assignments: list[RoleAssignment], read: list[AssignmentsRead], checkpoint: str, round: int
) -> DirectoryPage:
    return DirectoryPage(
        Phase.APP_ROLE_ASSIGNMENTS,
        checkpoint,
        round,
        role_assignments=assignments,
        assignments_read=read,
    )


class AppLists:
    """The lists of all apps in scope, from a mark on."""

    def __init__(
        self, lists: Lists, mark: AssignmentsMark, *, is_whole: bool, is_resumed: bool
    ) -> None:
        """`is_whole`: everything is sent, changed or not."""
        self._lists = lists
        self._mark = mark
        self._is_whole = is_whole
        self._is_resumed = is_resumed
        self._under_way: list[_AppList] = []
        self._after = mark.after

    async def waves(self, apps: AppsInScope) -> AsyncIterator[Wave]:
        """What each batch brings, until all lists are read.

        Raises:
            ReadFailed: one of them can't be read.
        """
        waiting = deque(sorted(await apps(), key=lambda app: app.entra_service_principal_id))
        while True:
            while waiting and self._open_count() < _AT_ONCE:
                self._begin(waiting.popleft())
            asked = [each for each in self._under_way if not each.is_done]
            if not asked:
                return
            answers = await self._lists.batch([each.next_path for each in asked])
            found: list[tuple[list[RoleAssignment], AssignmentsRead | None]] = []
            for each, answer in zip(asked, answers, strict=True):
                found += self._take(each, answer)
            self._keep_within_bounds()
            self._pass_finished()
            yield Wave(found, self._reached())

    def _open_count(self) -> int:
        return sum(not each.is_done for each in self._under_way)

    def _begin(self, app: AppInScope) -> None:
        app_id = app.entra_service_principal_id
        if app_id <= self._mark.after:
            return
        open_list = self._mark.open.get(app_id)
        if open_list is not None:
            each = _AppList(app_id, "", open_list.link, Digest(open_list.digest))
            each.is_mixed = not open_list.digest
        else:
            # In a round that was begun before, some of it may have been sent in the same round.
            known = "" if self._is_whole else app.assignments_digest
            each = _AppList(app_id, known, is_mixed=self._is_resumed)
        self._under_way.append(each)

    def _take(
        self, each: _AppList, answer: ListPage | Problem
    ) -> Iterator[tuple[list[RoleAssignment], AssignmentsRead | None]]:
        """What is to be sent of an answer."""
        if isinstance(answer, Problem):
            self._refused(each, answer)
            return
        if answer.next_link is not None and answer.next_link in each.seen:
            self._again(each, Problem(200, "same_link", "Graph gives the same next link again"))
            return
        found = objects.role_assignments(each.app_id, answer.items)
        for assignment in found:
            each.digest.add(assignment)
        each.link = answer.next_link or ""
        each.seen.add(each.link)
        is_end = answer.next_link is None
        if each.streams:
            each.is_done = is_end
            end = self._end(each) if is_end else None
            if found or end is not None:
                yield found, end
            return
        if not each.compares:
            each.kept += found
        if not is_end:
            return
        if str(each.digest) == each.known:
            each.is_done = True
            each.kept = []
        elif each.compares:
            each.known = ""
            each.begin_anew()
        else:
            each.is_done = True
            yield each.kept, self._end(each)
            each.kept = []

    def _end(self, each: _AppList) -> AssignmentsRead:
        return AssignmentsRead(each.app_id, "" if each.is_mixed else str(each.digest))

    def _refused(self, each: _AppList, problem: Problem) -> None:
        if problem.status == 404 and not each.link:
            # It vanished since it was listed; the next delta says so.
            each.is_done = True
        elif each.link and is_useless(problem):
            self._again(each, problem)
        else:
            raise failed(each.next_path.partition("?")[0], problem, _PERMISSION)

    def _again(self, each: _AppList, problem: Problem) -> None:
        each.restarts += 1
        if each.restarts > _MOST_RESTARTS:
            raise failed(f"{each.app_id}'s assignments, begun anew {_MOST_RESTARTS} times", problem)
        each.is_mixed = each.is_mixed or each.streams
        each.begin_anew()

    def _keep_within_bounds(self) -> None:
        while True:
            keeping = max(self._under_way, key=lambda each: len(each.kept), default=None)
            kept = sum(len(each.kept) for each in self._under_way)
            if keeping is None or (len(keeping.kept) <= _MOST_KEPT and kept <= _MOST_KEPT_IN_ALL):
                return
            keeping.compares = True
            keeping.kept = []

    def _pass_finished(self) -> None:
        """Lets go of the finished in front: the rest is looked at again after a cut."""
        while self._under_way and self._under_way[0].is_done:
            self._after = self._under_way.pop(0).app_id

    def _reached(self) -> AssignmentsMark:
        return AssignmentsMark(
            self._mark.round,
            self._after,
            {
                each.app_id: OpenList(each.link, "" if each.is_mixed else str(each.digest))
                for each in self._under_way
                if each.streams and each.link and not each.is_done
            },
        )
