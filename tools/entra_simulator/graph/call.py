"""One Graph call, as the modules of the nouns see it, and what they answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from tools.entra_simulator.behaviour import Behaviour
from tools.entra_simulator.changes import Change, GraphObject, ObjectType
from tools.entra_simulator.delta import DeltaQueries
from tools.entra_simulator.directory import Directory
from tools.entra_simulator.errors import GraphError, Refusal
from tools.entra_simulator.filters import parse_filter
from tools.entra_simulator.graph.expansion import Expander, expander
from tools.entra_simulator.graph.shapes import (
    DIRECTORY_OBJECTS,
    check_select,
    selected,
    selected_directory_object,
)
from tools.entra_simulator.odata import Listing, Page, QueryOptions, page_of
from tools.entra_simulator.tenant import Tenant
from tools.entra_simulator.tokens import Caller


@dataclass(frozen=True)
class BatchItem:
    """One request of a batch, checked. Header names are in lower case."""

    id: str
    method: str
    url: str
    headers: Mapping[str, str]
    content: bytes
    depends_on: tuple[str, ...]


@dataclass(frozen=True)
class Answer:
    """A status and, unless it is 204, a body. A batch is answered by carrying out its items."""

    status: int
    body: GraphObject | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    batch: Sequence[BatchItem] | None = None


@dataclass(frozen=True)
class GraphCall:
    """`tenant` takes writes; `directory` is the copy that answers this call's reads."""

    tenant: Tenant
    directory: Directory
    behaviour: Behaviour
    caller: Caller
    # `https://host/v1.0` and the path below it.
    root: str
    path: str
    parameters: Mapping[str, str]
    query: Sequence[tuple[str, str]]
    headers: Mapping[str, str]
    options: QueryOptions
    body: Any
    changes: list[Change]
    delta_queries: DeltaQueries

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
        body = {"@odata.context": self.context(context, "/$entity"), **shown}
        return Answer(status, {**body, **self._expander(type)(found)})

    def related_entity(self, type: ObjectType, found: GraphObject) -> Answer:
        """One directory object reached from another one."""
        check_select(self.options.select, DIRECTORY_OBJECTS)
        shown = selected_directory_object(type, found, self.options.select)
        return Answer(
            200, {"@odata.context": self.context("directoryObjects", "/$entity"), **shown}
        )

    def collection(
        self,
        type: str,
        ids: Sequence[str],
        table: Mapping[str, GraphObject],
        context: str,
    ) -> Answer:
        """A page of objects of one type: of these ids, which are sorted."""
        check_select(self.options.select, (type,))
        expand = self._expander(type)
        find: Callable[[str], GraphObject | None] = table.get
        if self.options.filter is not None:
            matches = parse_filter(self.options.filter, type, self.options.advanced)

            def find(id: str) -> GraphObject | None:
                found = table.get(id)
                return found if found is not None and matches(found) else None

        page = self._page(Listing(ids, find))
        select = self.options.select
        items = [{**selected(type, found, select), **expand(found)} for found in page.items]
        return self._page_answer(page, items, self.context(context))

    def related_collection(
        self, ids: Sequence[str], hidden: Mapping[str, object] | None = None
    ) -> Answer:
        """A page of members or owners, of whatever types they are; their ids are sorted."""
        check_select(self.options.select, DIRECTORY_OBJECTS)
        types: dict[str, ObjectType] = {}

        def find(id: str) -> GraphObject | None:
            found = self.directory.find(id)
            if found is None or (hidden is not None and id in hidden):
                return None
            types[id] = found[0]
            return found[1]

        page = self._page(Listing(ids, find))
        items = [
            selected_directory_object(types[item["id"]], item, self.options.select)
            for item in page.items
        ]
        return self._page_answer(page, items, self.context("directoryObjects"))

    def context(self, name: str, suffix: str = "") -> str:
        select = f"({','.join(self.options.select)})" if self.options.select else ""
        return f"{self.root}/$metadata#{name}{select}{suffix}"

    def _expander(self, type: str) -> Expander:
        return expander(self.directory, type, self.options.expand)

    def _page(self, listing: Listing) -> Page:
        return page_of(
            listing,
            self.options,
            self.root + self.path,
            self.query,
            self.tenant.clock(),
            self.behaviour.page_token_lifetime,
        )

    def _page_answer(self, page: Page, items: list[GraphObject], context: str) -> Answer:
        body: GraphObject = {"@odata.context": context}
        if page.count is not None:
            body["@odata.count"] = page.count
        if page.next_link is not None:
            body["@odata.nextLink"] = page.next_link
        return Answer(200, {**body, "value": items})
