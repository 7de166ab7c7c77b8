"""A tenant with people who may approve, another one beside it, and how sources are asked for."""

from latchkey.catalog.v1 import approver_pb2
from libs.domain import ids
from tests.integration.catalog.running import RunningCatalog
from tests.integration.catalog.tenant import Tenant, ingest, numbered, user_id
from tests.support.issuer import TENANT, object_id

Source = approver_pb2.ApproverSource
ELSEWHERE = object_id("another tenant")
FOREIGNER = ids.user_id(ELSEWHERE, object_id("Zoe"))
FOREIGN_GROUP = ids.group_id(ELSEWHERE, object_id("Others"))
CROWD = [f"Many {number:03}" for number in range(501)]

# Ida's manager is disabled, Una's is nobody of the directory, Xin and Yves are each other's.
STAFF = Tenant(
    users={
        "Ada": "",
        "ben": "Ada",
        "Cleo": "ben",
        "Dov": "Ada",
        "Ida": "Dov",
        "Una": "Gone",
        "Xin": "Yves",
        "Yves": "Xin",
        **dict.fromkeys(CROWD, "Ada"),
    },
    disabled=frozenset({"Dov"}),
    groups={
        "Deciders": ("ben", "Cleo", "Ada", "Dov"),
        "Pair": ("Ada", "Cleo"),
        "Former": ("Dov",),
        "Crowd": tuple(CROWD),
        "Most": tuple(CROWD[1:]),
        "Nobody": (),
    },
    apps={"Tool": ()},
    assigned=(("Tool", "Pair"), ("Tool", "Deciders"), ("Tool", "Former")),
)


def group_id(name: str) -> str:
    return ids.group_id(TENANT, object_id(name))


def people(*user_ids: str) -> Source:
    return Source(people=Source.People(user_ids=user_ids))


def named(*names: str) -> Source:
    return people(*map(user_id, names))


def manager(level: int = 1) -> Source:
    return Source(manager=Source.Manager(level=level))


def group(name: str) -> Source:
    return Source(group_members=Source.GroupMembers(group_id=group_id(name)))


APP_OWNERS = Source(app_owners=Source.AppOwners())
ENTITLEMENT_OWNERS = Source(entitlement_owners=Source.EntitlementOwners())


async def sync_elsewhere(catalog: RunningCatalog) -> None:
    """A sync of another tenant: one person, in one group."""
    tenant = Tenant(users={"Zoe": ""}, groups={"Others": ("Zoe",)})
    messages = numbered(tenant.pages(), ids.new_id("syn"), connection_id="con_other")
    for message in messages:
        message.entra_tenant_id = ELSEWHERE
    await ingest(catalog, messages)


async def resolved(
    catalog: RunningCatalog, entitlement_id: str, subject_user_id: str, *sources: Source
) -> list[tuple[list[str], str]]:
    """The names of the people that sources stand for, each with its problem."""
    response = await catalog.approvers.ResolveApprovers(
        approver_pb2.ResolveApproversRequest(
            entitlement_id=entitlement_id, subject_user_id=subject_user_id, sources=sources
        ),
        metadata=catalog.by("requests"),
    )
    return [
        ([user.display_name for user in each.people], each.problem) for each in response.resolved
    ]
