"""What the other services are told."""

import asyncio
import threading
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine, event

from latchkey.catalog.v1 import entitlement_pb2, entitlement_rules_pb2, link_pb2, resolution_pb2
from tests.integration.catalog.plans import captured
from tests.integration.catalog.refusals import refused
from tests.integration.catalog.running import RunningCatalog
from tests.integration.catalog.steps import (
    EVERYONE,
    Managed,
    apply_rules,
    link,
    manage,
    offer,
    profile,
    provision_for,
    resolve,
    root,
    virtual_role,
)
from tests.integration.catalog.tenant import (
    MARLOWE,
    membership_id,
    role_id,
    sync,
    user_id,
)
from tests.support.issuer import object_id
from tests.support.meanwhile import meanwhile


@pytest.fixture
async def app(catalog: RunningCatalog) -> Managed:
    """The design tool, managed; its access also makes a viewer."""
    await sync(catalog, MARLOWE)
    managed = await manage(catalog, "Design Tool")
    await link(catalog, managed.app_id, provision_for("Design Viewers", managed.access_id))
    return managed


async def confirm(
    catalog: RunningCatalog, entitlement_id: str, subject: str, *asked: str
) -> list[resolution_pb2.ConfirmedTarget]:
    response = await catalog.resolution.ConfirmTargets(
        resolution_pb2.ConfirmTargetsRequest(
            entitlement_id=entitlement_id,
            subject_user_id=user_id(subject),
            directory_entitlement_ids=asked,
        ),
        metadata=catalog.by("connector"),
    )
    return list(response.targets)


async def test_what_may_not_be_asked_for_does_not_exist(
    catalog: RunningCatalog, app: Managed
) -> None:
    """Before the rules, outside the audience and for an unknown id the answer is the same."""
    unknown = await refused(resolve(catalog, "ent_unknown", "Ben"))
    assert (unknown.code, unknown.reason) == ("NOT_FOUND", "ENTITLEMENT_NOT_FOUND")

    def as_unknown(text: str) -> str:
        return text.replace(app.access_id, "ent_unknown")

    before = await refused(resolve(catalog, app.access_id, "Ben"))
    await offer(catalog, app, await profile(catalog, "Others", "Cleo"))
    outside = await refused(resolve(catalog, app.access_id, "Ben"))
    for refusal in (before, outside):
        assert (refusal.code, refusal.reason) == (unknown.code, unknown.reason)
        assert as_unknown(refusal.message) == unknown.message
        assert {k: as_unknown(v) for k, v in refusal.facts.items()} == dict(unknown.facts)
    assert (await resolve(catalog, app.access_id, "Cleo")).subject.user_id == user_id("Cleo")


async def test_the_audience_that_counts_is_the_subjects(
    catalog: RunningCatalog, app: Managed
) -> None:
    """Whoever asks for somebody in it is answered, in it or not; who asks for somebody outside, or
    for nobody, learns no more than of an unknown entitlement."""
    await offer(catalog, app, await profile(catalog, "Others", "Cleo"))
    answer = await resolve(catalog, app.access_id, "Ben", "Cleo")
    assert (answer.requester.display_name, answer.subject.display_name) == ("Ben", "Cleo")
    for subject in ("Ben", "Stranger", "Dov"):
        of_it = await refused(resolve(catalog, app.access_id, "Cleo", subject))
        unknown = await refused(resolve(catalog, "ent_unknown", "Cleo", subject))
        assert (of_it.code, of_it.reason) == (unknown.code, unknown.reason)
        assert of_it.message.replace(app.access_id, "ent_unknown") == unknown.message


async def test_what_the_subject_holds_is_told_when_asked(
    catalog: RunningCatalog, app: Managed
) -> None:
    """All of managed apps that they hold all of, in the same statement, as it is said of each."""
    await offer(catalog, app)
    answer = await link(catalog, app.app_id, virtual_role("Design Editors", "Editor"))
    editor = answer.entitlements[-1].entitlement_id
    payroll = await manage(catalog, "Payroll", object_id("Clerk"))
    both = ("Design Tool", "Ben"), ("Payroll", "Ben")
    await sync(catalog, replace(MARLOWE, assigned=(*MARLOWE.assigned, *both)))

    async def held(**other: Any) -> set[str]:
        found = await resolve(catalog, app.access_id, "Ada", "Ben", **other)
        assert found.held
        return {f"{each.entitlement_id} {each.app_id}" for each in found.holdings}

    design = {f"{app.access_id} {app.app_id}", f"{editor} {app.app_id}"}
    assert await held() == set()
    with captured() as statements:
        found = await held(include_holdings=True)
    clerks = {
        f"{each.entitlement_id} {payroll.app_id}"
        for each in await entitlements_of(catalog, payroll.app_id)
    }
    assert found == design | clerks
    assert len([each for each in statements if "entitlements" in each.text]) == 1
    assert [
        each.display_name
        for each in (
            await resolve(catalog, app.access_id, "Ben", "Cleo", include_holdings=True)
        ).holdings
    ] == []
    without = replace(MARLOWE, assigned=(*MARLOWE.assigned, *both)).without("Payroll")
    await sync(catalog, without)
    assert await held(include_holdings=True) == design


async def entitlements_of(catalog: RunningCatalog, app: str) -> list[entitlement_pb2.Entitlement]:
    answer = await catalog.entitlements.ListEntitlements(
        entitlement_pb2.ListEntitlementsRequest(app_id=app), metadata=root(catalog)
    )
    return list(answer.entitlements)


async def test_rules_that_change_meanwhile_are_not_mixed(
    catalog: RunningCatalog, app: Managed
) -> None:
    """Neither the rules of before nor those of after allow it: half of each must not either."""
    answer = await link(catalog, app.app_id, virtual_role("Design Editors", "Editor"))
    (role_of,) = (each.entitlement_id for each in answer.linked_entitlements)
    before = await offer(catalog, app, await profile(catalog, "Others", "Cleo"))
    before.resource_type_ids[:] = [app.role_type_id]
    await apply_rules(catalog, before)
    loop, changed = asyncio.get_running_loop(), threading.Event()

    async def everyone_may_have_access() -> None:
        rules = entitlement_rules_pb2.EntitlementRules()
        rules.CopyFrom(before)
        rules.resource_type_ids[:] = [app.credential_type_id]
        rules.access_profile_ids[:] = [EVERYONE]
        rules.etag = ""
        await apply_rules(catalog, rules)

    def between(_: object, __: object, statement: str, *___: object) -> None:
        if "EXISTS" in statement and "rule_access_profiles" in statement and not changed.is_set():
            changed.set()
            meanwhile(loop, everyone_may_have_access())

    event.listen(Engine, "before_cursor_execute", between)
    try:
        refusal = await refused(resolve(catalog, role_of, "Ben"))
    finally:
        event.remove(Engine, "before_cursor_execute", between)
    assert changed.is_set()
    assert refusal.reason == "ENTITLEMENT_NOT_FOUND"


async def test_names_everybody_involved(catalog: RunningCatalog, app: Managed) -> None:
    """Requester, subject and the subject's manager, where there is one; policy and limit."""
    rules = await offer(catalog, app)
    rules.policy_id = "pol_mine"
    await apply_rules(catalog, rules)
    answer = await resolve(catalog, app.access_id, "Ada", "Cleo")
    assert (answer.requester.display_name, answer.subject.display_name) == ("Ada", "Cleo")
    assert answer.manager.display_name == "Ada"
    assert answer.policy_id == "pol_mine"
    assert not answer.HasField("max_duration")
    answer = await resolve(catalog, app.access_id, "Cleo", "Ada")
    assert not answer.HasField("manager")


async def test_held_is_all_of_the_fulfilment(catalog: RunningCatalog, app: Managed) -> None:
    """One of two targets is not enough."""
    await offer(catalog, app)
    assert not (await resolve(catalog, app.access_id, "Cleo")).held
    await sync(catalog, replace(MARLOWE, assigned=(*MARLOWE.assigned, ("Design Tool", "Cleo"))))
    assert (await resolve(catalog, app.access_id, "Cleo")).held
    assert not (await resolve(catalog, app.access_id, "Ben")).held


@pytest.mark.parametrize(
    ("requester", "subject", "code", "reason"),
    [
        ("Stranger", "Ben", "PERMISSION_DENIED", "PERSON_NOT_IN_DIRECTORY"),
        ("Dov", "Ben", "FAILED_PRECONDITION", "PERSON_DISABLED"),
        ("Ben", "Dov", "FAILED_PRECONDITION", "PERSON_DISABLED"),
        ("Ben", "Stranger", "NOT_FOUND", "USER_NOT_FOUND"),
    ],
)
async def test_refuses_people(
    catalog: RunningCatalog, app: Managed, requester: str, subject: str, code: str, reason: str
) -> None:
    """Those who are unknown or disabled, on either side."""
    await offer(catalog, app)
    refusal = await refused(resolve(catalog, app.access_id, requester, subject))
    assert (refusal.code, refusal.reason) == (code, reason)


async def test_refuses_a_removed_app(catalog: RunningCatalog, app: Managed) -> None:
    """To those who might have asked for it before, and by nothing but not-found to others."""
    await offer(catalog, app, await profile(catalog, "Some", "Ben"))
    await sync(catalog, MARLOWE.without("Design Tool"))
    refusal = await refused(resolve(catalog, app.access_id, "Ben"))
    assert (refusal.code, refusal.reason) == ("FAILED_PRECONDITION", "APP_REMOVED")
    refusal = await refused(resolve(catalog, app.access_id, "Cleo"))
    assert refusal.reason == "ENTITLEMENT_NOT_FOUND"


async def test_refuses_a_group_that_can_no_longer_be_written(
    catalog: RunningCatalog, app: Managed
) -> None:
    """It has become unwritable or has gone since it was linked."""
    await offer(catalog, app)
    unwritable = {"Design Viewers": link_pb2.UNWRITABLE_REASON_SYNCED}
    await sync(catalog, replace(MARLOWE, unwritable=unwritable))
    refusal = await refused(resolve(catalog, app.access_id, "Ben"))
    assert (refusal.code, refusal.reason) == ("FAILED_PRECONDITION", "GROUP_NOT_WRITABLE")
    assert refusal.facts["unwritable_reason"] == "SYNCED"
    await sync(catalog, MARLOWE.without("Design Viewers"))
    refusal = await refused(resolve(catalog, app.access_id, "Ben"))
    assert refusal.reason == "GROUP_NOT_WRITABLE"
    assert refusal.facts["unwritable_reason"] == "NOT_IN_DIRECTORY"
    await sync(catalog, MARLOWE)
    assert (await resolve(catalog, app.access_id, "Ben")).app_display_name == "Design Tool"


async def test_confirms_what_the_entitlement_provisions(
    catalog: RunningCatalog, app: Managed
) -> None:
    """In the order asked, with what is held; another entitlement's target is not listed."""
    await link(catalog, app.app_id, virtual_role("Design Editors", "Editor"))
    asked = [
        membership_id("Design Viewers"),
        membership_id("Design Editors"),
        role_id("Design Tool"),
        "den_unknown",
        membership_id("Design Viewers"),
    ]
    targets = await confirm(catalog, app.access_id, "Ben", *asked)
    assert [(each.listed, each.held, bool(each.problem)) for each in targets] == [
        (True, True, False),
        (False, True, True),
        (True, False, False),
        (False, False, True),
        (True, True, False),
    ]
    assert [each.HasField("target") for each in targets] == [True, False, True, False, True]


async def test_confirms_nothing_of_an_app_that_may_not_be_written(
    catalog: RunningCatalog, app: Managed
) -> None:
    """Removed or protected since: not listed, with the problem in words."""
    (target,) = await confirm(catalog, app.access_id, "Ben", role_id("Design Tool"))
    assert target.listed
    await sync(catalog, replace(MARLOWE, protected=frozenset({"Design Tool"})))
    (target,) = await confirm(catalog, app.access_id, "Ben", role_id("Design Tool"))
    assert (target.listed, "Microsoft" in target.problem) == (False, True)
    await sync(catalog, MARLOWE.without("Design Tool"))
    (target,) = await confirm(catalog, app.access_id, "Ben", role_id("Design Tool"))
    assert (target.listed, "removed" in target.problem) == (False, True)


async def test_confirm_refuses_what_is_not_there(catalog: RunningCatalog, app: Managed) -> None:
    """Unknown entitlements and people; a disabled person is still known, to take access away."""
    refusal = await refused(confirm(catalog, "ent_unknown", "Ben", "den_1"))
    assert (refusal.code, refusal.reason) == ("NOT_FOUND", "ENTITLEMENT_NOT_FOUND")
    refusal = await refused(confirm(catalog, app.access_id, "Stranger", "den_1"))
    assert (refusal.code, refusal.reason) == ("NOT_FOUND", "USER_NOT_FOUND")
    (target,) = await confirm(catalog, app.access_id, "Dov", role_id("Design Tool"))
    assert target.listed


async def test_several_questions_are_answered_each_for_itself(
    catalog: RunningCatalog, app: Managed
) -> None:
    """In the order asked; what is not there spoils no other answer."""
    questions = [
        resolution_pb2.ConfirmTargetsRequest(
            entitlement_id=entitlement_id,
            subject_user_id=user_id(subject),
            directory_entitlement_ids=[role_id("Design Tool")],
        )
        for entitlement_id, subject in (
            ("ent_unknown", "Ben"),
            (app.access_id, "Ben"),
            (app.access_id, "Stranger"),
            (app.access_id, "Dov"),
        )
    ]
    batch = resolution_pb2.BatchConfirmTargetsRequest(questions=questions)
    by = catalog.by("connector")
    answers = (await catalog.resolution.BatchConfirmTargets(batch, metadata=by)).answers
    assert [each.not_found.reason for each in answers] == [
        "ENTITLEMENT_NOT_FOUND", "", "USER_NOT_FOUND", "",
    ]  # fmt: skip
    for question, answer in zip(questions, answers, strict=True):
        if answer.HasField("confirmed"):
            alone = await catalog.resolution.ConfirmTargets(question, metadata=by)
            assert answer.confirmed == alone
