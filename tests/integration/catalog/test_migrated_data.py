"""What managed apps had before they had owners, overrides and app roles, they have after it."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select, update

from libs.db.engine import Database
from libs.domain import ids
from libs.domain.paging import PageRequest
from services.catalog.domain.entitlement import ResourceKind
from services.catalog.domain.settings import NO_OVERRIDE
from services.catalog.store import MIGRATIONS
from services.catalog.store.apps import StoredApps
from services.catalog.store.entitlement_tables import entitlement_targets, entitlements
from services.catalog.store.entitlements import StoredEntitlements
from services.catalog.store.links import StoredLinks
from services.catalog.store.policy_uses import StoredPolicyUses
from services.catalog.store.rules import StoredRules
from services.catalog.store.tables import apps
from tests.support.versions import filled, to_version

NOW = datetime(2026, 3, 1, tzinfo=UTC)
NO_ROLE = "00000000-0000-0000-0000-000000000000"
PAGE = PageRequest(50, "", ("m",))


def app(app_id: str, **other: Any) -> dict[str, Any]:
    row = {"app_id": app_id, "connection_id": "con_1", "round": 1, "doomed": False}
    row |= {"entra_tenant_id": "t", "entra_service_principal_id": f"sp {app_id}", "version": 3}
    row |= {"entra_app_id": "client", "display_name": app_id, "search_name": app_id}
    row |= {"description": "", "account_enabled": True, "is_protected": False, "app_roles": []}
    row |= {"digest": "d", "assignments_digest": "a", "create_time": NOW, "removed": False}
    return row | {"manage_time": NOW} | other


def role(app_id: str, role_id: str) -> dict[str, str]:
    kind = {"entra_service_principal_id": f"sp {app_id}", "entra_app_role_id": role_id}
    return {"directory_entitlement_id": f"den_{role_id[:4]}", "display_name": "Role"} | kind


GROUP = {"directory_entitlement_id": "den_group", "display_name": "Reds", "entra_group_id": "reds"}


def entitlement(name: str, kind: str, *fulfilment: dict[str, str]) -> dict[str, Any]:
    app_id = name.partition(" ")[0]
    return {
        "entitlement_id": f"ent {name}",
        "app_id": app_id,
        "resource_id": f"res {name}",
        "resource_type_id": f"rty {app_id} {kind}",
        "resource_kind": kind,
        "display_name": name,
        "search_name": name,
        "description": "",
        "fulfilment": list(fulfilment),
        "create_time": NOW,
        "version": 1,
    }


ENTITLEMENTS = [
    entitlement("tool access", "CREDENTIAL", role("tool", NO_ROLE), GROUP),
    entitlement("tool reds", "ROLE", GROUP),
    entitlement("desk access", "CREDENTIAL", role("desk", "clerk")),
]
BEFORE: dict[str, list[dict[str, Any]]] = {
    "apps": [app("tool"), app("desk", removed=True), app("wiki", manage_time=None)],
    "resource_types": [
        {"resource_type_id": f"rty {each} {kind}", "app_id": each, "display_name": kind}
        | {"kind": kind}
        for each in ("tool", "desk")
        for kind in ("CREDENTIAL", "ROLE")
    ],
    "resources": [
        {key: each[key] for key in ("resource_id", "resource_type_id", "display_name")}
        | {"name_key": each["display_name"]}
        for each in ENTITLEMENTS
    ],
    "entitlements": ENTITLEMENTS,
    "links": [
        {"app_id": "tool", "directory_entitlement_id": "den_group", "group_id": "grp_1"}
        | {"group_display_name": "Reds", "search_name": "reds", "entra_group_id": "reds"}
        | {"entra_app_role_id": NO_ROLE, "choice": "VIRTUAL_ROLE"}
        | {"entitlement_id": "ent tool reds"}
    ],
    "bindings": [
        {"binding_id": "bnd_1", "app_id": "tool", "entitlement_id": "ent tool reds"}
        | {"directory_entitlement_id": "den_group", "directory_display_name": "Reds"}
        | {"create_time": NOW}
    ],
    "entitlement_rules": [
        {"app_id": "tool", "enabled": True, "policy_id": "pol_1", "max_duration": 3600.0}
        | {"version": 4}
    ],
    "rule_resource_types": [{"app_id": "tool", "resource_type_id": "rty tool ROLE", "position": 0}],
    "rule_access_profiles": [
        {"app_id": "tool", "access_profile_id": "apr_everyone", "position": 0}
    ],
}


async def test_managed_apps_at_0002(database_url: str) -> None:
    """Fulfilments can be looked up, access says which role it gives, each managed app has the type
    of app roles, and nothing has an override; rules, links and bindings are as they were."""
    database = Database.open(database_url)
    try:
        await database.write(to_version(MIGRATIONS, "0002"))
        await database.write(filled(BEFORE))
        await MIGRATIONS.apply(database)

        offered = StoredEntitlements(database)
        found = {
            each.entitlement.entitlement_id: each.entitlement
            for app_id in ("tool", "desk", "wiki")
            for each in (await offered.page(app_id, "", PAGE)).items
        }
        assert {
            key: (each.entra_app_role_id, [of.directory_entitlement_id for of in each.fulfilment])
            for key, each in found.items()
        } == {
            "ent tool access": (NO_ROLE, ["den_0000", "den_group"]),
            "ent tool reds": ("", ["den_group"]),
            "ent desk access": ("clerk", ["den_cler"]),
        }
        assert {each.override for each in found.values()} == {NO_OVERRIDE}
        assert not any(each.role_gone for each in found.values())
        targets = await database.read(
            lambda connection: connection.execute(select(entitlement_targets)).all()
        )
        assert sorted(tuple(row) for row in targets) == [
            ("ent desk access", "den_cler", "desk"),
            ("ent tool access", "den_0000", "tool"),
            ("ent tool access", "den_group", "tool"),
            ("ent tool reds", "den_group", "tool"),
        ]
        for app_id, count in (("tool", 3), ("desk", 3), ("wiki", 0)):
            types = {each.kind: each for each in await offered.resource_types(app_id)}
            assert len(types) == count
            if count:
                derived = ids.derived_id("rty", app_id, "APP_ROLE")
                assert types[ResourceKind.APP_ROLE].resource_type_id == derived

        rules = await StoredRules(database).of_app("tool")
        assert (rules.enabled, rules.policy_id, rules.version) == (True, "pol_1", 4)
        assert (rules.max_duration, rules.emergency) == (timedelta(hours=1), None)
        assert rules.resource_type_ids == ("rty tool ROLE",)
        assert rules.access_profile_ids == ("apr_everyone",)
        links = StoredLinks(database)
        (bound,) = (await links.bindings("tool", PAGE)).items
        assert (bound.binding_id, bound.entitlement_id) == ("bnd_1", "ent tool reds")
        (linked,) = (await links.page("tool", PAGE)).items
        assert (linked.choice.value, linked.entitlement_id) == ("VIRTUAL_ROLE", "ent tool reds")
        shown = await StoredApps(database).shown("desk")
        assert shown is not None
        assert (shown.app.removed, shown.app.own_description, shown.owners.given) == (True, "", ())
    finally:
        await database.close()


async def test_policies_at_0007(database_url: str) -> None:
    """Where they were named before there was an index of it, they are found."""
    database = Database.open(database_url)
    named = {"policy_id": "pol_1"}

    def name_it(connection: Connection) -> None:
        connection.execute(update(apps).where(apps.c.app_id == "tool").values(named))
        reds = entitlements.c.entitlement_id == "ent tool reds"
        connection.execute(
            update(entitlements).where(reds).values(named | {"emergency_policy_id": "pol_2"})
        )

    async def uses(policy_id: str) -> list[tuple[str, str, bool, int]]:
        page = await StoredPolicyUses(database).page(policy_id, PAGE)
        return [
            (each.tier.value, each.entitlement_display_name, each.emergency, len(each.audiences))
            for each in page.items
        ]

    try:
        await database.write(to_version(MIGRATIONS, "0002"))
        await database.write(filled(BEFORE))
        await database.migrate(to_version(MIGRATIONS, "0007"))
        await database.write(name_it)
        await MIGRATIONS.apply(database)
        await MIGRATIONS.check(database)
        assert await uses("pol_1") == [
            ("APP", "", False, 1),
            ("RULES", "", False, 1),
            ("ENTITLEMENT", "tool reds", False, 1),
        ]
        assert await uses("pol_2") == [("ENTITLEMENT", "tool reds", True, 1)]
    finally:
        await database.close()


async def test_links_at_0007(database_url: str) -> None:
    """Who still has the role of then was chosen for as it is; who has others was not."""
    link = {key: value for key, value in BEFORE["links"][0].items() if key != "entra_app_role_id"}
    assigned = {"app_id": "tool", "connection_id": "con_1", "round": 1, "doomed": False}
    assigned |= {"principal_kind": "GROUP", "directory_entitlement_id": "den_x"}
    own = {"own_description": "", "instructions": "", "policy_id": "", "owners_known": False}
    before = {
        "apps": [app("tool", **own)],
        "links": [
            link
            | {"group_id": group, "directory_entitlement_id": f"den {group}"}
            | {"entra_app_role_id": role_id}
            for group, role_id in (("stayed", "b"), ("moved", "c"), ("left", "d"))
        ],
        "directory_assignments": [
            assigned | {"principal_id": group, "entra_app_role_id": role_id}
            for group, role_id in (("stayed", "b"), ("stayed", "a"), ("moved", "a"))
        ],
    }
    database = Database.open(database_url)
    try:
        await database.write(to_version(MIGRATIONS, "0007"))
        await database.write(filled(before))
        await MIGRATIONS.apply(database)
        found = (await StoredLinks(database).page("tool", PAGE)).items
        assert {each.group_id: (each.chosen_role_ids, each.drifted) for each in found} == {
            "stayed": (("a", "b"), False),
            "moved": (("c",), True),
            "left": (("d",), True),
        }
        gone = next(each for each in found if each.group_id == "left")
        assert (gone.entra_app_role_id, gone.gone) == ("d", True)
    finally:
        await database.close()
