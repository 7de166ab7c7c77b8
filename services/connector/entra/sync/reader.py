"""Reads one tenant, once: the delta streams one after the other, then the lists of the apps."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

from services.connector.domain.directory import (
    AppsInScope,
    DirectoryEnd,
    DirectoryPage,
    Phase,
    ReadingStart,
    Sweep,
)
from services.connector.entra import objects
from services.connector.entra.answer import Answer
from services.connector.entra.lists import ListPage, Lists, failed, is_useless
from services.connector.entra.objects import Item
from services.connector.entra.problems import Problem
from services.connector.entra.sync.assignments import AppLists
from services.connector.entra.sync.checkpoint import (
    Position,
    StreamMark,
    fingerprint,
    position_of,
)
from services.connector.entra.sync.owners import owner_pages
from services.connector.entra.sync.streams import STREAMS, USER_SELECT, Stream, found_in, pages_of

# How often a stream may have to begin anew within one reading.
_MOST_RESETS = 5
_MOST_IN_A_BATCH = 20
_LEADS_NOWHERE = Problem(
    200, "same_link", "Graph gives the same next link again, or neither a next nor a delta link"
)


class TenantReader:
    """Reads one tenant, once."""

    def __init__(self, lists: Lists, *of_what: str) -> None:
        """`of_what` is what else a checkpoint depends on: the tenant, and who reads it."""
        self._lists = lists
        self._fingerprint = fingerprint(*(stream.select for stream in STREAMS), *of_what)
        self._position = Position(self._fingerprint)
        # Pages that were asked for together, by their links.
        self._ahead: dict[str, ListPage] = {}

    async def read(
        self, start: ReadingStart, apps: AppsInScope
    ) -> AsyncIterator[Phase | DirectoryPage | DirectoryEnd]:
        """Everything behind where it starts; each phase is named before its pages.

        Raises:
            ReadFailed: it can't be read.
        """
        self._position = self._begin(start)
        if not self._position.finished:
            await self._look_ahead()
            for stream in STREAMS:
                yield stream.phase
                async for page in self._stream(stream):
                    yield page
            yield Phase.APP_ROLE_ASSIGNMENTS
            async for page in self._assignments(start, apps):
                yield page
            yield Phase.APP_OWNERS
            async for page in owner_pages(
                self._lists, await apps(), self._position, is_whole=start.is_whole
            ):
                yield page
        yield self._end()

    def _begin(self, start: ReadingStart) -> Position:
        known = position_of(start.checkpoint, self._fingerprint)
        if known is None or (start.is_whole and not start.is_resumed):
            # All streams begin in one round, the first that nobody has used.
            before = max(start.round, known.round if known is not None else 0)
            marks = {stream.phase: StreamMark(round=before + 1) for stream in STREAMS}
            return Position(self._fingerprint, before + 1, marks)
        known = replace(known, round=max(known.round, start.round))
        return known if start.is_resumed else known.of_another_sync()

    def _end(self) -> DirectoryEnd:
        position = self._position
        return DirectoryEnd(
            checkpoint=position.completed().text(),
            held_checkpoint=replace(position, finished=True).text(),
            round=position.round,
            sweeps=tuple(Sweep(kind, round) for kind, round in position.sweeps.items()),
            was_held=position.finished,
        )

    async def _look_ahead(self) -> None:
        """Asks in one batch what has changed in each stream: mostly that is nothing.

        What does not come is asked for again when its stream's turn comes.
        """
        marks = [self._position.stream(stream.phase) for stream in STREAMS]
        links = [mark.link for mark in marks if mark.tracking]
        if len(links) > 1:
            answers = await self._lists.at_once(links)
            self._ahead = {
                link: found
                for link, found in zip(links, answers, strict=True)
                if isinstance(found, ListPage)
            }

    async def _stream(self, stream: Stream) -> AsyncIterator[DirectoryPage]:
        """One stream to its delta link, from its beginning again as often as it must be."""
        resets, seen = 0, set[str]()
        mark = self._position.stream(stream.phase)
        # What was told before a cut is not known any more.
        seen_apps = None if mark.link else set[str]()
        while True:
            mark = self._position.stream(stream.phase)
            if not mark.round:
                self._position = self._position.begun(stream.phase)
                continue
            page = await self._page(stream, mark, seen)
            if isinstance(page, Problem):
                resets += 1
                if resets > _MOST_RESETS:
                    raise failed(f"{stream.path}, begun anew {_MOST_RESETS} times", page)
                self._position = self._position.begun(stream.phase)
                seen, seen_apps = set(), set()
                continue
            found = await found_in(
                stream.phase,
                page.items,
                tracking=mark.tracking,
                complete=self._whole_users,
                seen_apps=seen_apps,
            )
            before, is_end = self._position, page.next_link is None
            self._position = self._behind(stream, mark, page)
            for built in pages_of(
                found, stream.phase, before.round, before.text(), self._position.text()
            ):
                # An idle stream brings nothing, and moves on with what follows it.
                if built.entry_count or built.protected_ids or not mark.tracking:
                    yield built
            if is_end and not mark.aged:
                return
            if page.next_link is not None:
                seen.add(page.next_link)

    async def _page(self, stream: Stream, mark: StreamMark, seen: set[str]) -> ListPage | Problem:
        """The page where a stream is; a problem when the stream has to begin anew for it."""
        for is_last in (False, True):
            found: ListPage | Problem
            if mark.link in self._ahead:
                found = self._ahead.pop(mark.link)
            elif mark.link:
                found = await self._lists.page(mark.link)
            else:
                found = await self._lists.page(stream.path, {"$select": stream.select})
            if isinstance(found, Problem):
                if mark.link and is_useless(found):
                    return found
                raise failed(stream.path, found, stream.permission)
            link = found.next_link
            # A chain that leads back, or nowhere, would be read for ever or taken for whole.
            if link is None and found.delta_link is not None:
                return found
            if link is not None and link != mark.link and link not in seen:
                return found
            if not is_last:
                await self._lists.rest()
        return _LEADS_NOWHERE

    def _behind(self, stream: Stream, mark: StreamMark, page: ListPage) -> Position:
        """Where reading is once a page is read."""
        if page.next_link is not None:
            return self._position.moved(
                stream.phase, replace(mark, link=page.next_link, midway=True)
            )
        assert page.delta_link is not None, "a page without it is none"
        after = StreamMark(mark.round, page.delta_link, tracking=True)
        position = self._position.moved(stream.phase, after)
        return position if mark.tracking else position.swept(stream.kinds, mark.round)

    async def _whole_users(self, items: Sequence[Item]) -> list[Item | None]:
        """People as they are, where a delta told only of a part of them."""
        paths: list[str] = []
        for item in items:
            person = f"/users/{objects.object_id(item)}"
            if objects.is_bare(item):
                paths.append(f"{person}?$select={USER_SELECT}")
            if not objects.tells_manager(item):
                paths.append(f"{person}/manager?$select=id")
        answers: dict[str, Answer | Problem] = {}
        for begin in range(0, len(paths), _MOST_IN_A_BATCH):
            asked = paths[begin : begin + _MOST_IN_A_BATCH]
            answers |= zip(asked, await self._lists.entities(asked), strict=True)
        return [self._whole_user(item, answers) for item in items]

    def _whole_user(self, item: Item, answers: dict[str, Answer | Problem]) -> Item | None:
        person = f"/users/{objects.object_id(item)}"
        whole: dict[str, Any] = dict(item)
        if (found := answers.get(f"{person}?$select={USER_SELECT}")) is not None:
            if (body := _body(found)) is None:
                return None
            whole = {**body, **item}
        if (found := answers.get(f"{person}/manager?$select=id")) is not None:
            whole["manager"] = _body(found)
        return whole

    async def _assignments(
        self, start: ReadingStart, apps: AppsInScope
    ) -> AsyncIterator[DirectoryPage]:
        is_begun = self._position.assignments.round > 0
        self._position = self._position.come_to_assignments()
        lists = AppLists(
            self._lists, self._position.assignments, is_whole=start.is_whole, is_resumed=is_begun
        )
        async for wave in lists.waves(apps):
            before = self._position
            self._position = before.at_assignments(wave.mark)
            # After a cut between two pages of a wave its lists are read again, and may be others.
            between = before.at_assignments(before.assignments.in_doubt())
            for page in wave.pages(before.round, between.text(), self._position.text()):
                yield page


def _body(found: Answer | Problem) -> Item | None:
    """What is there; none if nothing is."""
    if isinstance(found, Answer):
        return found.body
    if found.status == 404:
        return None
    raise failed("people that have changed", found, "User.Read.All")
