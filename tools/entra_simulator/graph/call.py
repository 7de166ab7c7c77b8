"""One Graph call, as the modules of the nouns see it, and what they answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from tools.entra_simulator.changes import Change, GraphObject, ObjectType
from tools.entra_simulator.errors import GraphError, Refusal
from tools.entra_simulator.filters import parse_filter
from tools.entra_simulator.graph.shapes import check_select, selected, selected_directory_object
from tools.entra_simulator.odata import Page, QueryOptions, page_of
from tools.entra_simulator.tenant import Tenant
from tools.entra_simulator.tokens import Caller

_DIRECTORY_OBJECTS = ("user", "group", "servicePrincipal")


@dataclass(frozen=True)
class Answer:
    """A status and, unless it is 204, a body."""

    status: int
    body: GraphObject | None = None


@dataclass(frozen=True)
class GraphCall:
    tenant: Tenant
    caller: Caller
    # `https://host/v1.0` and the path below it.
    root: str
    path: str
    parameters: Mapping[str, str]
    query: Sequence[tuple[str, str]]
    options: QueryOptions
    body: Any
    changes: list[Change]

    def accept(self, change: Change) -> None:
        self.tenant.apply(change)
        self.changes.append(change)

    def object_id(self, name: str = "id") -> str:
        """The GUID of this name in the path."""
        value = self.parameters[name]
        try:
            return str(UUID(value))
        except ValueError:
            raise GraphError(Refusal.INVALID_OBJECT_ID, id=value) from None

    def entity(self, type: str, found: GraphObject, context: str, status: int = 200) -> Answer:
        """One object, under the context Graph gives to it."""
        check_select(self.options.select, (type,))
        shown = selected(type, found, self.options.select)
        return Answer(status, {"@odata.context": self._context(context, "/$entity"), **shown})

    def related_entity(self, type: ObjectType, found: GraphObject) -> Answer:
        """One directory object reached from another one."""
        check_select(self.options.select, _DIRECTORY_OBJECTS)
        shown = selected_directory_object(type, found, self.options.select)
        context = self._context("directoryObjects", "/$entity")
        return Answer(200, {"@odata.context": context, **shown})

    def collection(
        self,
        type: str,
        objects: Iterable[GraphObject],
        context: str,
        expand: Callable[[GraphObject], GraphObject] = lambda found: {},
    ) -> Answer:
        """A page of objects of one type. `expand` answers with what $expand adds to one."""
        check_select(self.options.select, (type,))
        if self.options.filter is not None:
            matches = parse_filter(self.options.filter, type, self.options.advanced)
            objects = filter(matches, objects)
        page = self._page(objects)
        select = self.options.select
        items = [{**selected(type, found, select), **expand(found)} for found in page.items]
        return self._page_answer(page, items, self._context(context))

    def related_collection(self, ids: Iterable[str]) -> Answer:
        """A page of members or owners, of whatever types they are."""
        check_select(self.options.select, _DIRECTORY_OBJECTS)
        found = {id: reference for id in ids if (reference := self.tenant.find(id))}
        page = self._page(reference[1] for reference in found.values())
        items = [
            selected_directory_object(found[item["id"]][0], item, self.options.select)
            for item in page.items
        ]
        return self._page_answer(page, items, self._context("directoryObjects"))

    def _page(self, objects: Iterable[GraphObject]) -> Page:
        address = self.root + self.path
        return page_of(objects, self.options, address, self.query, self.tenant.clock())

    def _page_answer(self, page: Page, items: list[GraphObject], context: str) -> Answer:
        body: GraphObject = {"@odata.context": context}
        if page.count is not None:
            body["@odata.count"] = page.count
        if page.next_link is not None:
            body["@odata.nextLink"] = page.next_link
        return Answer(200, {**body, "value": items})

    def _context(self, name: str, suffix: str = "") -> str:
        select = f"({','.join(self.options.select)})" if self.options.select else ""
        return f"{self.root}/$metadata#{name}{select}{suffix}"
