"""Audiences by group and expression: who is in them, why, and that everything agrees on it."""

from dataclasses import replace
from datetime import UTC, datetime

from google.protobuf.field_mask_pb2 import FieldMask
from sqlalchemy import insert

from latchkey.catalog.v1 import access_profile_pb2, app_catalog_pb2, entitlement_rules_pb2
from libs.domain import ids
from services.catalog.store.use_tables import uses
from tests.integration.catalog.refusals import refused
from tests.integration.catalog.running import RunningCatalog
from tests.integration.catalog.steps import (
    event_types,
    link,
    manage,
    offer,
    profile,
    resolve,
    root,
    virtual_role,
)
from tests.integration.catalog.tenant import MARLOWE, app_id, sync, user_id
from tests.support.issuer import TENANT, object_id

Profile = access_profile_pb2.AccessProfile


def group_id(name: str) -> str:
    return ids.group_id(TENANT, object_id(name))


async def create(catalog: RunningCatalog, **fields: object) -> Profile:
    response = await catalog.access_profiles.CreateAccessProfile(
        access_profile_pb2.CreateAccessProfileRequest(access_profile=Profile(**fields)),  # type: ignore[arg-type]
        metadata=root(catalog),
    )
    created: Profile = response.access_profile
    return created


async def update(catalog: RunningCatalog, wanted: Profile, *paths: str) -> Profile:
    response = await catalog.access_profiles.UpdateAccessProfile(
        access_profile_pb2.UpdateAccessProfileRequest(
            access_profile=wanted, update_mask=FieldMask(paths=paths)
        ),
        metadata=root(catalog),
    )
    updated: Profile = response.access_profile
    return updated


async def delete(catalog: RunningCatalog, profile_id: str, etag: str = "") -> None:
    await catalog.access_profiles.DeleteAccessProfile(
        access_profile_pb2.DeleteAccessProfileRequest(access_profile_id=profile_id, etag=etag),
        metadata=root(catalog),
    )


async def members(catalog: RunningCatalog, profile_id: str, size: int = 1) -> dict[str, list[str]]:
    """Everybody in a profile by name in the order of the list, with the kinds of the reasons."""
    found: dict[str, list[str]] = {}
    token = ""
    while True:
        page = await catalog.access_profiles.ListMembers(
            access_profile_pb2.ListMembersRequest(
                access_profile_id=profile_id, page_size=size, page_token=token
            ),
            metadata=root(catalog),
        )
        for member in page.members:
            assert member.user.display_name not in found
            found[member.user.display_name] = [r.WhichOneof("kind") or "" for r in member.reasons]
        if not (token := page.next_page_token):
            return found


async def explain(
    catalog: RunningCatalog, profile_id: str, name: str
) -> access_profile_pb2.ExplainMembershipResponse:
    answer: access_profile_pb2.ExplainMembershipResponse
    answer = await catalog.access_profiles.ExplainMembership(
        access_profile_pb2.ExplainMembershipRequest(
            access_profile_id=profile_id, user_id=user_id(name)
        ),
        metadata=root(catalog),
    )
    return answer


async def catalog_app(catalog: RunningCatalog, name: str, of: str) -> app_catalog_pb2.CatalogApp:
    response = await catalog.app_catalog.GetCatalogApp(
        app_catalog_pb2.GetCatalogAppRequest(app_id=of), metadata=catalog.person(name)
    )
    found: app_catalog_pb2.CatalogApp = response.app
    return found


async def test_search_resolution_preview_and_members_agree(catalog: RunningCatalog) -> None:
    """By name, group and expression, at once with each change; failing makes nobody a member."""
    await sync(catalog, MARLOWE)
    design = await manage(catalog, "Design Tool")
    fails = "int(person.display_name) > 0"
    wanted: list[tuple[dict[str, object], dict[str, list[str]]]] = [
        ({"user_ids": [user_id("Ben"), user_id("Dov")]}, {"Ben": ["named"]}),
        (
            {"group_ids": [group_id("Design Viewers")], "user_ids": [user_id("Ben")]},
            {"Ben": ["named", "group_id"], "Cleo": ["group_id"]},
        ),
        (
            {"expression": f'person.manager_user_id == "{user_id("Ada")}"'},
            {"Ben": ["expression"], "Cleo": ["expression"]},
        ),
        (
            {
                "expression": 'person.display_name == "Ada"',
                "group_ids": [group_id("Design Editors")],
            },
            {"Ada": ["expression"], "Ben": ["group_id"]},
        ),
        ({"expression": fails, "user_ids": [user_id("Cleo")]}, {"Cleo": ["named"]}),
    ]
    current = await create(catalog, display_name="Some")
    await offer(catalog, design, current.access_profile_id)
    for fields, expected in wanted:
        values = {"user_ids": [], "group_ids": [], "expression": ""} | fields
        current = await update(
            catalog,
            Profile(access_profile_id=current.access_profile_id, etag=current.etag, **values),  # type: ignore[arg-type]
            *values,
        )
        profile_id = current.access_profile_id
        assert await members(catalog, profile_id) == expected
        rules = entitlement_rules_pb2.EntitlementRules(
            app_id=design.app_id,
            enabled=True,
            resource_type_ids=[design.credential_type_id],
            access_profile_ids=[profile_id],
        )
        preview = await catalog.rules.PreviewEntitlementRules(
            entitlement_rules_pb2.PreviewEntitlementRulesRequest(entitlement_rules=rules),
            metadata=root(catalog),
        )
        assert preview.person_count == len(expected)
        for name in ("Ada", "Ben", "Cleo", "Dov"):
            why = await explain(catalog, profile_id, name)
            assert why.member == (name in expected)
            assert [r.WhichOneof("kind") for r in why.reasons] == expected.get(name, [])
            assert bool(why.problem) == (not why.member or fields.get("expression") == fails)
            shown = await catalog.app_catalog.SearchAppCatalog(
                app_catalog_pb2.SearchAppCatalogRequest(), metadata=catalog.person(name)
            )
            assert bool(shown.apps) == (name in expected)
            if name in expected:
                await resolve(catalog, design.access_id, name)
                assert (await catalog_app(catalog, name, design.app_id)).app_id == design.app_id
            else:
                refusal = await refused(resolve(catalog, design.access_id, name))
                assert refusal.code == ("NOT_FOUND" if name != "Dov" else "FAILED_PRECONDITION")
    assert "disabled" in (await explain(catalog, "apr_everyone", "Dov")).problem
    assert list(await members(catalog, "apr_everyone")) == ["Ada", "Ben", "Cleo"]
    # A sync takes Ben out of the group, and with it out of the audience.
    await update(
        catalog,
        Profile(
            access_profile_id=current.access_profile_id, group_ids=[group_id("Design Editors")]
        ),
        *("group_ids", "user_ids", "expression"),
    )
    assert list(await members(catalog, current.access_profile_id)) == ["Ben"]
    await sync(catalog, replace(MARLOWE, groups={**MARLOWE.groups, "Design Editors": ("Ada",)}))
    assert list(await members(catalog, current.access_profile_id)) == ["Ada"]


async def test_changes_are_checked(sqlite_catalog: RunningCatalog) -> None:
    """Expressions with their position, names, masks, etags, the built-in one, and use by rules."""
    catalog = sqlite_catalog
    await sync(catalog, MARLOWE)
    for expression, problem in (
        ("person.salary == '1'", "line 1, column 7: undefined field 'salary'"),
        ("person.department == 1", "no matching overload"),
        ("nobody", "undeclared reference"),
        ("person.department", "must be true or false"),
    ):
        refusal = await refused(create(catalog, display_name="X", expression=expression))
        assert (refusal.reason, refusal.fields) == (
            "EXPRESSION_INVALID",
            ("access_profile.expression",),
        )
        assert problem in refusal.message
    refusal = await refused(create(catalog, display_name="X", group_ids=[group_id("None")]))
    assert (refusal.reason, refusal.facts["field"]) == (
        "GROUP_NOT_FOUND",
        "access_profile.group_ids[0]",
    )
    one, other = await create(catalog, display_name="One"), await profile(catalog, "Other")
    one_id = one.access_profile_id
    for wanted, paths, reason in (
        (
            Profile(access_profile_id=one_id, display_name="OTHER"),
            ["display_name"],
            "ACCESS_PROFILE_NAME_TAKEN",
        ),
        (Profile(access_profile_id=one_id, etag="7"), ["description"], "ETAG_MISMATCH"),
        (Profile(access_profile_id=one_id), [], "FIELD_INVALID"),
        (Profile(access_profile_id=one_id), ["everyone"], "FIELD_INVALID"),
        (Profile(access_profile_id=one_id), ["display_name"], "FIELD_INVALID"),
        (Profile(access_profile_id=one_id, user_ids=["usr_x"]), ["user_ids"], "USER_NOT_FOUND"),
        (Profile(access_profile_id="apr_everyone"), ["description"], "ACCESS_PROFILE_BUILT_IN"),
        (Profile(access_profile_id="apr_unknown"), ["description"], "ACCESS_PROFILE_NOT_FOUND"),
    ):
        assert (await refused(update(catalog, wanted, *paths))).reason == reason
    renamed = await update(
        catalog, Profile(access_profile_id=one_id, display_name="ONE", etag="1"), "display_name"
    )
    assert (renamed.display_name, renamed.etag) == ("ONE", "2")
    design = await manage(catalog, "Design Tool")
    await offer(catalog, design, one_id)
    refusal = await refused(delete(catalog, one_id))
    assert (refusal.reason, refusal.facts["app_ids"]) == ("ACCESS_PROFILE_IN_USE", design.app_id)
    assert "unmanage an app that is no longer in the directory" in refusal.message
    assert (await refused(delete(catalog, "apr_everyone"))).reason == "ACCESS_PROFILE_BUILT_IN"
    assert (await refused(delete(catalog, other, "9"))).reason == "ETAG_MISMATCH"
    await delete(catalog, other)
    assert (await refused(delete(catalog, other))).reason == "ACCESS_PROFILE_NOT_FOUND"
    types = await event_types(catalog)
    assert (types.count("AccessProfileUpdated"), types.count("AccessProfileDeleted")) == (1, 1)


async def test_long_lists_have_everybody_once(sqlite_catalog: RunningCatalog) -> None:
    """Pages may be empty while there are more, of an expression and of a large group alike."""
    catalog = sqlite_catalog
    people = {f"P{number:04}": "" for number in range(2300)}
    chosen = [*people][5:1300:7] + [*people][2200::9]
    await sync(
        catalog,
        replace(
            MARLOWE, users={**MARLOWE.users, **people}, groups={"Big": tuple(people)}, assigned=()
        ),
    )
    tested = " || ".join(f'person.display_name.endsWith("{end}")' for end in ("99", "42"))
    some = await create(catalog, display_name="Some", expression=tested)
    big = await create(catalog, display_name="Big", group_ids=[group_id("Big")])
    named = await create(catalog, display_name="Named", user_ids=list(map(user_id, chosen)))
    none = await create(catalog, display_name="None", expression="false")
    found = await members(catalog, some.access_profile_id, 10)
    assert list(found) == [name for name in people if name[-2:] in ("99", "42")]
    assert list(await members(catalog, big.access_profile_id, 500)) == list(people)
    assert list(await members(catalog, named.access_profile_id, 50)) == chosen
    assert await members(catalog, none.access_profile_id, 50) == {}


async def test_where_an_entitlement_stands(catalog: RunningCatalog) -> None:
    """Held, asked for or neither, by search and by id; what may not be asked for is not found."""
    await sync(catalog, MARLOWE)
    design, payroll = await manage(catalog, "Design Tool"), await manage(catalog, "Payroll")
    made = await link(
        catalog,
        design.app_id,
        virtual_role("Design Editors", "Editor"),
        virtual_role("Design Viewers", "Viewer"),
    )
    editor, viewer = (each.entitlement_id for each in made.entitlements)
    await offer(catalog, design)
    await offer(catalog, payroll, await profile(catalog, "Ada only", "Ada"))
    until = datetime(2027, 1, 1, tzinfo=UTC)
    rows = [
        ("req_1", design.access_id, "OPEN", "", None),
        ("req_2", viewer, "GRANTED", "lea_2", None),
        ("req_3", editor, "ACTIVE", "lea_3", until),
    ]
    await catalog.service.database.write(
        lambda connection: connection.execute(
            insert(uses),
            [
                {
                    "access_request_id": request,
                    "entitlement_id": entitlement,
                    "app_id": design.app_id,
                    "user_id": user_id("Cleo"),
                    "state": state,
                    "lease_id": lease,
                    "end_time": end,
                }
                for request, entitlement, state, lease, end in rows
            ],
        )
    )
    state = app_catalog_pb2.CatalogState.Name
    found = {
        each.display_name: each
        for each in (await catalog_app(catalog, "Cleo", design.app_id)).entitlements
    }
    assert {name: state(each.state)[14:] for name, each in found.items()} == {
        "Access": "REQUESTED",
        "Editor": "HELD",
        "Viewer": "HELD",  # as of the last sync, though a request is open
    }
    assert (found["Access"].access_request_id, found["Viewer"].lease_id) == ("req_1", "lea_2")
    assert not found["Editor"].held
    assert found["Editor"].lease_end_time.ToDatetime(UTC) == until
    for name, wanted, expected in (
        ("Cleo", "HELD", {"Editor", "Viewer"}),
        ("Cleo", "REQUESTED", {"Access"}),
        ("Cleo", "REQUESTABLE", set()),
        ("Ben", "REQUESTABLE", {"Access"}),
        ("Ben", "REQUESTED", set()),
    ):
        page = await catalog.app_catalog.SearchAppCatalog(
            app_catalog_pb2.SearchAppCatalogRequest(
                state=app_catalog_pb2.CatalogState.Value(f"CATALOG_STATE_{wanted}")
            ),
            metadata=catalog.person(name),
        )
        assert {each.display_name for app in page.apps for each in app.entitlements} == expected
    unknown = await refused(catalog_app(catalog, "Ben", "app_unknown"))
    hidden = await refused(catalog_app(catalog, "Ben", payroll.app_id))
    assert (hidden.code, hidden.reason) == (unknown.code, unknown.reason)
    assert hidden.message.replace(payroll.app_id, "app_unknown") == unknown.message
    unmanaged = await refused(catalog_app(catalog, "Ben", app_id("Board")))
    assert unmanaged.reason == "APP_NOT_FOUND"
    assert (await refused(catalog_app(catalog, "Dov", design.app_id))).reason == "APP_NOT_FOUND"
    stranger = await refused(catalog_app(catalog, "Stranger", design.app_id))
    assert stranger.reason == "PERSON_NOT_IN_DIRECTORY"
