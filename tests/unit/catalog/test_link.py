"""Choices for linked groups, all of a call or none."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from libs.domain.errors import LatchkeyError
from services.catalog.domain.entitlement import Entitlement
from services.catalog.domain.link import AssignedRole, LinkChoice, LinkedGroup, UnwritableReason
from services.catalog.domain.linking import (
    CreateVirtualRole,
    Decision,
    Linking,
    ProvisionAccessFor,
    Skip,
    link,
)
from tests.unit.catalog.things import NOW, a_group, a_managed_app, an_access, types

CREDENTIAL, ROLES = types()


def linked(
    *decisions: Decision,
    groups: tuple[LinkedGroup, ...] = (a_group("A"), a_group("B")),
    entitlements: tuple[Entitlement, ...] = (),
    removed: Mapping[str, str] | None = None,
    names: tuple[str, ...] = (),
) -> Linking:
    by_id = {group.directory_entitlement_id: group for group in groups}
    return link(a_managed_app(), ROLES, by_id, entitlements, removed or {}, names, decisions, NOW)


def refusal(*decisions: Decision, **more: object) -> LatchkeyError:
    with pytest.raises(LatchkeyError) as caught:
        linked(*decisions, **more)  # type: ignore[arg-type]
    return caught.value


def test_a_virtual_role_stands_for_the_group() -> None:
    """Its fulfilment is the membership, and a binding says so."""
    result = linked(Decision("den_a", CreateVirtualRole("Editor", "May edit.")))
    (role,) = result.roles
    assert (role.display_name, role.description) == ("Editor", "May edit.")
    assert [target.display_name for target in role.fulfilment] == ["member of A"]
    (binding,) = result.bindings
    assert binding.entitlement_id == role.entitlement_id
    assert result.links[0].choice is LinkChoice.VIRTUAL_ROLE
    assert result.app.version == a_managed_app().version + 1


def test_a_role_without_a_name_has_the_groups_cut_to_length() -> None:
    """A group's name may be longer than a role's."""
    group = a_group("A", group_display_name="n" * 199 + " xyz")
    result = linked(Decision("den_a", CreateVirtualRole()), groups=(group,))
    assert result.roles[0].display_name == "n" * 199


def test_provisioning_widens_the_entitlement_once_a_call() -> None:
    """Two groups for one entitlement are one change of it."""
    access = an_access(CREDENTIAL)
    choice = ProvisionAccessFor(access.entitlement_id)
    result = linked(Decision("den_a", choice), Decision("den_b", choice), entitlements=(access,))
    (widened,) = result.widened
    assert widened.version == access.version + 1
    assert len(widened.fulfilment) == 3
    assert {binding.entitlement_id for binding in result.bindings} == {access.entitlement_id}


def test_skip_binds_nothing_and_takes_unwritable_groups() -> None:
    """It is the one choice for a group that nobody can write to."""
    group = a_group("A", unwritable_reason=UnwritableReason.DYNAMIC)
    result = linked(Decision("den_a", Skip()), groups=(group,))
    assert result.links[0].choice is LinkChoice.SKIPPED
    assert (result.roles, result.widened, result.bindings) == ((), (), ())


@pytest.mark.parametrize("reason", [r for r in UnwritableReason if r != "UNSPECIFIED"])
def test_unwritable_groups_are_refused_by_place_and_reason(reason: UnwritableReason) -> None:
    """Whatever stands before them in the call."""
    groups = (a_group("A"), a_group("B", unwritable_reason=reason))
    error = refusal(
        Decision("den_a", Skip()), Decision("den_b", CreateVirtualRole()), groups=groups
    )
    assert error.reason == "GROUP_NOT_WRITABLE"
    assert (error.facts["field"], error.facts["unwritable_reason"]) == ("decisions[1]", reason)


def test_names_are_compared_folded() -> None:
    """With the app's roles and within the call."""
    error = refusal(Decision("den_a", CreateVirtualRole("STRASSE")), names=("Straße",))
    assert error.reason == "ROLE_NAME_TAKEN"
    error = refusal(
        Decision("den_a", CreateVirtualRole("x")), Decision("den_b", CreateVirtualRole("X"))
    )
    assert error.reason == "ROLE_NAME_TAKEN"


@pytest.mark.parametrize("choice", [LinkChoice.VIRTUAL_ROLE, LinkChoice.PROVISION_ACCESS])
def test_a_final_choice_stays(choice: LinkChoice) -> None:
    """Not even skip replaces it."""
    error = refusal(Decision("den_a", Skip()), groups=(a_group("A", choice=choice),))
    assert error.reason == "ALREADY_LINKED"


def test_a_skipped_group_can_be_chosen_for() -> None:
    """Skip is no final choice."""
    groups = (a_group("A", choice=LinkChoice.SKIPPED),)
    result = linked(Decision("den_a", CreateVirtualRole()), groups=groups)
    assert result.links[0].choice is LinkChoice.VIRTUAL_ROLE


def test_what_is_not_there() -> None:
    """A group that is not linked, an entitlement that is not the app's."""
    error = refusal(Decision("den_x", Skip()))
    assert error.reason == "LINKED_ENTITLEMENT_NOT_FOUND"
    error = refusal(Decision("den_a", ProvisionAccessFor("ent_x")))
    assert error.reason == "ENTITLEMENT_NOT_FOUND"


def test_nothing_is_provisioned_for_what_is_removed() -> None:
    """Said of the first that can't be had any more, with what is gone; the group is not bound."""
    access = an_access(CREDENTIAL)
    error = refusal(
        Decision("den_a", ProvisionAccessFor(access.entitlement_id)),
        entitlements=(access,),
        removed={access.entitlement_id: "its role is gone"},
    )
    assert (error.reason, error.facts["problem"]) == ("ENTITLEMENT_REMOVED", "its role is gone")


def test_a_group_that_is_gone_is_not_bound() -> None:
    """It can be left alone all the same."""
    gone = (a_group("A", gone=True),)
    error = refusal(Decision("den_a", CreateVirtualRole()), groups=gone)
    assert error.reason == "LINKED_ENTITLEMENT_NOT_FOUND"
    assert linked(Decision("den_a", Skip()), groups=gone).links[0].choice is LinkChoice.SKIPPED


def test_a_choice_remembers_the_roles_of_then() -> None:
    """Other ones later are drift, of a final choice only; no order matters."""
    roles = (AssignedRole("role-1", "R"), AssignedRole("role-2", "S"))
    group = a_group("A", assigned_roles=roles)
    assert not group.drifted
    for choice, drifts in ((CreateVirtualRole(), True), (Skip(), False)):
        (chosen,) = linked(Decision("den_a", choice), groups=(group,)).links
        assert chosen.chosen_role_ids == ("role-1", "role-2")
        assert not replace(chosen, assigned_roles=roles[::-1]).drifted
        for now in (roles[:1], (*roles, AssignedRole("role-3", "")), ()):
            assert replace(chosen, assigned_roles=now).drifted is drifts
