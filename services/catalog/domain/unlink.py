"""Taking back what was chosen for groups that are linked to an app."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from services.catalog.domain import errors, in_use
from services.catalog.domain.app import App
from services.catalog.domain.entitlement import Entitlement, ResourceKind
from services.catalog.domain.link import LinkChoice, LinkedGroup
from services.catalog.domain.use import Use, leases_and_requests


@dataclass(frozen=True, slots=True)
class Unlinking:
    """What taking choices back led to.

    `before` are the groups in the order asked, with the choices that went. `removed` are virtual
    roles that nothing stands behind any more, as they were; `narrowed` stand for fewer groups.
    """

    app: App
    before: tuple[LinkedGroup, ...]
    removed: tuple[Entitlement, ...]
    narrowed: tuple[Entitlement, ...]

    @property
    def links(self) -> tuple[LinkedGroup, ...]:
        """The groups, without their choices."""
        return tuple(
            replace(each, choice=LinkChoice.PENDING, entitlement_id="", chosen_role_ids=())
            for each in self.before
        )

    @property
    def removed_ids(self) -> tuple[str, ...]:
        """The ids of the roles that go."""
        return tuple(each.entitlement_id for each in self.removed)

    def require_unused(self, uses: Iterable[Use]) -> None:
        """Does nothing while none of these uses is of a role that goes.

        Raises:
            WrongState: ENTITLEMENT_IN_USE, for the first such role.
        """
        uses = tuple(uses)
        for role in self.removed_ids:
            of_role = [each for each in uses if each.entitlement_id == role]
            if of_role:
                raise in_use.entitlement_in_use(role, *leases_and_requests(of_role))


def unlink(
    app: App,
    groups: Mapping[str, LinkedGroup],
    entitlements: Iterable[Entitlement],
    directory_entitlement_ids: Sequence[str],
) -> Unlinking:
    """Takes the choices for these groups back: all of them or none.

    `groups` are those linked to the app by directory entitlement, `entitlements` those that are
    bound to them.

    Raises:
        WrongState: APP_NOT_MANAGED, APP_REMOVED, NOT_LINKED; ENTITLEMENT_LOCKED, for a role that
            would go, since linking its group again would make it anew without the override.
        NotFound: LINKED_ENTITLEMENT_NOT_FOUND.
    """
    after = app.changed()
    before = tuple(
        _chosen(app, groups.get(linked_id), linked_id, f"directory_entitlement_ids[{index}]")
        for index, linked_id in enumerate(directory_entitlement_ids)
    )
    bound = {group.entitlement_id for group in before}
    removed: list[Entitlement] = []
    narrowed: list[Entitlement] = []
    for each in entitlements:
        if each.entitlement_id in bound:
            # However many groups one call takes, it is one change of the entitlement.
            left = each.narrowed(directory_entitlement_ids)
            if each.resource_kind is ResourceKind.ROLE and not left.fulfilment:
                if each.override.locked:
                    raise errors.removes_locked(each.entitlement_id, each.display_name)
                removed.append(each)
            else:
                narrowed.append(left)
    return Unlinking(after, before, tuple(removed), tuple(narrowed))


def _chosen(app: App, group: LinkedGroup | None, linked_id: str, field: str) -> LinkedGroup:
    if group is None:
        raise errors.linked_entitlement_not_found(app.app_id, linked_id, field)
    if group.choice is LinkChoice.PENDING:
        raise errors.not_linked(app.app_id, linked_id, field)
    return group
