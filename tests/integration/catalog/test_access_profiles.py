"""The audiences that rules name."""

import asyncio

import grpc

from latchkey.catalog.v1 import access_profile_pb2, events_pb2
from latchkey.ledger.v1 import event_pb2
from libs.rpc.errors import error_info
from tests.integration.catalog.refusals import refused
from tests.integration.catalog.running import RunningCatalog
from tests.integration.catalog.steps import EVERYONE, profile, root
from tests.integration.catalog.tenant import MARLOWE, sync, user_id


async def get(catalog: RunningCatalog, profile_id: str) -> access_profile_pb2.AccessProfile:
    response = await catalog.access_profiles.GetAccessProfile(
        access_profile_pb2.GetAccessProfileRequest(access_profile_id=profile_id),
        metadata=root(catalog),
    )
    found: access_profile_pb2.AccessProfile = response.access_profile
    return found


async def test_everyone_is_built_in_and_comes_first(catalog: RunningCatalog) -> None:
    """It is there before anything else, lists nobody, and keeps its name to itself."""
    await profile(catalog, "All hands")
    found = await catalog.access_profiles.ListAccessProfiles(
        access_profile_pb2.ListAccessProfilesRequest(), metadata=root(catalog)
    )
    assert [(each.display_name, each.everyone) for each in found.access_profiles] == [
        ("Everyone", True),
        ("All hands", False),
    ]
    everyone = await get(catalog, EVERYONE)
    assert (everyone.everyone, list(everyone.user_ids)) == (True, [])
    assert everyone.HasField("create_time")
    refusal = await refused(profile(catalog, "everyone"))
    assert (refusal.code, refusal.reason) == ("ALREADY_EXISTS", "ACCESS_PROFILE_NAME_TAKEN")


async def test_keeps_its_people(catalog: RunningCatalog) -> None:
    """What is created is what is read, and an event says it."""
    await sync(catalog, MARLOWE)
    profile_id = await profile(catalog, "Designers", "Cleo", "Ben")
    found = await get(catalog, profile_id)
    assert set(found.user_ids) == {user_id("Ben"), user_id("Cleo")}
    assert (found.display_name, found.etag, found.everyone) == ("Designers", "1", False)
    events = await catalog.events.ListEvents(
        event_pb2.ListEventsRequest(page_size=500), metadata=root(catalog)
    )
    event = events_pb2.AccessProfileCreated.FromString(events.events[-1].payload)
    assert (event.access_profile_id, event.display_name) == (profile_id, "Designers")


async def test_refuses_people_who_are_not_there(catalog: RunningCatalog) -> None:
    """The unknown one is named by its place."""
    await sync(catalog, MARLOWE)
    refusal = await refused(profile(catalog, "Designers", "Ben", "Nobody"))
    assert (refusal.code, refusal.reason) == ("NOT_FOUND", "USER_NOT_FOUND")
    assert refusal.facts["field"] == "access_profile.user_ids[1]"
    assert refusal.facts["user_id"] == user_id("Nobody")


async def test_refuses_unknown_ids(catalog: RunningCatalog) -> None:
    """Get names what it did not find."""
    refusal = await refused(get(catalog, "apr_unknown"))
    assert (refusal.code, refusal.reason) == ("NOT_FOUND", "ACCESS_PROFILE_NOT_FOUND")


async def test_a_name_is_taken_once(catalog: RunningCatalog) -> None:
    """Of four at once one wins, in whatever case."""

    async def attempt(name: str) -> str:
        try:
            await profile(catalog, name)
        except grpc.aio.AioRpcError as error:
            return error_info(error).reason
        return ""

    results = await asyncio.gather(*map(attempt, ("Team", "TEAM", "team", " Team ")))
    assert sorted(results) == ["", *["ACCESS_PROFILE_NAME_TAKEN"] * 3]
