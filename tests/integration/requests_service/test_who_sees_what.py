"""Whose is what: everybody sees their own, some see all, and strangers can't even tell."""

from typing import Any

import grpc

from latchkey.requests.v1 import access_request_pb2 as pb
from latchkey.requests.v1 import lease_pb2
from libs.domain.callers import ADMIN, AUDITOR, CONNECTOR_ADMIN, HELPDESK, POLICY_ADMIN
from libs.domain.ids import new_id
from tests.fakes.requests_peers import EDITOR, VIEWER
from tests.integration.requests_service.deciders import uid
from tests.integration.requests_service.house import House, Person, refused


async def test_a_stranger_gets_the_answer_of_an_unknown_id(house: House) -> None:
    """Reading, watching and changing another's things is as for an id that nobody has."""
    made = await house.person("Ada").create()
    for roles in ([], [CONNECTOR_ADMIN, POLICY_ADMIN]):
        mallory = house.person("Mallory", roles)
        requests, leases = mallory.access_requests, mallory.leases

        async def answers(person: Person, req: str, lea: str) -> list[Any]:
            requests, leases = person.access_requests, person.leases
            calls = [
                person.get(req),
                anext(aiter(person.watch(req))),
                person.call(
                    requests.CancelAccessRequest,
                    pb.CancelAccessRequestRequest(access_request_id=req),
                ),
                person.call(
                    requests.RetryAccessRequest,
                    pb.RetryAccessRequestRequest(access_request_id=req),
                ),
                person.call(leases.GetLease, lease_pb2.GetLeaseRequest(lease_id=lea)),
                person.revoke(lea),
            ]
            found = [await refused(call) for call in calls]
            return [
                (
                    refusal.code,
                    refusal.reason,
                    sorted(refusal.facts),
                    refusal.message.replace(req, "…").replace(lea, "…"),
                )
                for refusal in found
            ]

        theirs = await answers(mallory, made.access_request_id, made.lease_id)
        nobodys = await answers(mallory, new_id("req"), new_id("lea"))
        assert theirs == nobodys
        assert {code for code, *_ in theirs} == {grpc.StatusCode.NOT_FOUND}
        answer = await mallory.call(requests.ListAccessRequests, pb.ListAccessRequestsRequest())
        assert not answer.access_requests
        listed = await mallory.call(leases.ListLeases, lease_pb2.ListLeasesRequest())
        assert not listed.leases


async def test_an_auditor_sees_all_and_changes_nothing(house: House) -> None:
    """An auditor reads others' things, and is refused with who may when they change them."""
    made = await house.person("Ada").create()
    auditor = house.person("Auditor", [AUDITOR])
    seen = await auditor.get(made.access_request_id)
    # What policy was told is for them, and not for the requester.
    assert seen.inputs.entitlement.entitlement_id == made.entitlement_id
    assert not made.HasField("inputs")
    seen.ClearField("inputs")
    assert seen == made
    assert (await auditor.lease(made.lease_id)).lease_id == made.lease_id
    for call in (
        auditor.revoke(made.lease_id),
        auditor.call(
            auditor.access_requests.CancelAccessRequest,
            pb.CancelAccessRequestRequest(access_request_id=made.access_request_id),
        ),
    ):
        refusal = await refused(call)
        assert refusal.code is grpc.StatusCode.PERMISSION_DENIED
        assert refusal.reason == "CALLER_NOT_ALLOWED"


async def test_an_administrator_cancels_for_others(house: House) -> None:
    """An administrator withdraws another's undecided wish; the timeline says who did."""
    house.policy.steps = []
    made = await house.person("Ada").create()
    admin = house.person("Admin", [ADMIN])
    request = pb.CancelAccessRequestRequest(access_request_id=made.access_request_id)
    answer = await admin.call(admin.access_requests.CancelAccessRequest, request)
    assert answer.access_request.state == pb.ACCESS_REQUEST_STATE_CANCELLED
    assert answer.access_request.timeline[-1].actor.person.display_name == "Admin"


async def test_services_read_leases_only_if_they_are_the_connector(house: House) -> None:
    """GetLease, BatchGetLeases and ListLeases answer the connector; everything else, and every
    other service, is refused."""
    made = await house.person("Ada").create()
    connector = house.as_service("connector")
    several = lease_pb2.BatchGetLeasesRequest(lease_ids=[new_id("lea"), made.lease_id])
    found = await connector.call(connector.leases.BatchGetLeases, several)
    assert [lease.lease_id for lease in found.leases] == [made.lease_id]
    for other in (house.person("Ada"), house.as_service("policy")):
        refusal = await refused(other.call(other.leases.BatchGetLeases, several))
        assert refusal.reason == "CALLER_NOT_ALLOWED"
    assert (await connector.lease(made.lease_id)).lease_id == made.lease_id
    listed = await connector.call(connector.leases.ListLeases, lease_pb2.ListLeasesRequest())
    assert [lease.lease_id for lease in listed.leases] == [made.lease_id]
    refusal = await refused(connector.lease(new_id("lea")))
    assert refusal.reason == "LEASE_NOT_FOUND"
    for name in ("catalog", "policy", "requests"):
        assert (
            await refused(house.as_service(name).lease(made.lease_id))
        ).reason == "CALLER_NOT_ALLOWED"
    for call in (
        connector.create(),
        connector.get(made.access_request_id),
        connector.revoke(made.lease_id),
    ):
        assert (await refused(call)).code is grpc.StatusCode.PERMISSION_DENIED


async def test_nobody_is_refused(house: House) -> None:
    """Without a token, or with a broken one, there is no answer."""
    for token in ("", "nonsense", house.issuer.named("Ada") + "x"):
        nobody = Person(house.channel(house.port), token)
        assert (await refused(nobody.create())).code is grpc.StatusCode.UNAUTHENTICATED
    assert await house.actions() == []


async def _page(person: Person, **fields: Any) -> pb.ListAccessRequestsResponse:
    answer: pb.ListAccessRequestsResponse = await person.call(
        person.access_requests.ListAccessRequests, pb.ListAccessRequestsRequest(**fields)
    )
    return answer


async def test_lists_are_newest_first_in_pages(house: House) -> None:
    """Every access request once, newest first, without its timeline, whatever the page size."""
    names = ["Ada", "Ben", "Cleo", "Dan", "Eve"]
    made = [(await house.person(name).create()).access_request_id for name in names]
    auditor = house.person("Auditor", [AUDITOR])
    found, token = [], ""
    while True:
        page = await _page(auditor, page_size=2, page_token=token)
        assert all(not item.timeline for item in page.access_requests)
        found += [item.access_request_id for item in page.access_requests]
        if not (token := page.next_page_token):
            break
    assert found == made[::-1]

    first = await auditor.call(auditor.leases.ListLeases, lease_pb2.ListLeasesRequest(page_size=3))
    rest = await auditor.call(
        auditor.leases.ListLeases,
        lease_pb2.ListLeasesRequest(page_size=3, page_token=first.next_page_token),
    )
    listed = [lease.access_request_id for lease in (*first.leases, *rest.leases)]
    assert listed == made[::-1]
    assert not rest.next_page_token


async def test_lists_hold_ones_own_and_filter(house: House) -> None:
    """Others' are not among one's own; state and app narrow the list."""
    ada, ben = house.person("Ada"), house.person("Ben")
    first = await ada.create(EDITOR)
    await ben.create(EDITOR)
    house.policy.steps = []
    second = await ada.create(VIEWER)

    async def ids(**fields: Any) -> list[str]:
        return [item.access_request_id for item in (await _page(ada, **fields)).access_requests]

    both = [second.access_request_id, first.access_request_id]
    assert await ids() == both
    assert await ids(state=pb.ACCESS_REQUEST_STATE_APPROVED) == both[1:]
    assert await ids(state=pb.ACCESS_REQUEST_STATE_DENIED) == []
    assert await ids(app_id=first.app_id) == both
    assert await ids(app_id=new_id("app")) == []
    listed = await ada.call(
        ada.leases.ListLeases, lease_pb2.ListLeasesRequest(state=lease_pb2.LEASE_STATE_GRANTED)
    )
    assert [lease.lease_id for lease in listed.leases] == [first.lease_id]


async def test_a_page_token_is_of_one_list_with_its_filters(house: House) -> None:
    """A token is refused with another filter, on another list, and by another person's list."""
    ada = house.person("Ada")
    await ada.create(EDITOR)
    await ada.create(VIEWER)
    token = (await _page(ada, page_size=1)).next_page_token
    assert token
    assert len((await _page(ada, page_size=9, page_token=token)).access_requests) == 1
    for call in (
        _page(ada, page_token=token, state=pb.ACCESS_REQUEST_STATE_APPROVED),
        _page(house.person("Ben"), page_token=token),
        _page(house.person("Admin", [ADMIN]), page_token=token),
        ada.call(ada.leases.ListLeases, lease_pb2.ListLeasesRequest(page_token=token)),
    ):
        assert (await refused(call)).reason == "PAGE_TOKEN_INVALID"


async def test_who_answers_for_access_sees_its_leases(house: House) -> None:
    """By id, and in lists: an app's owners those of the app, a manager those of a person, the
    helpdesk all. Of anything else each sees their own only, and the lists don't say that there is
    more."""
    house.catalog.line[uid("Ada")] = [uid("Ben"), uid("Boss")]
    house.catalog.owners = [uid("Cleo")]
    lease = await house.leased(house.person("Ada"))
    own = await house.leased(house.person("Ben"))
    of_app, of_ada = {"app_id": lease.app_id}, {"subject_user_id": uid("Ada")}

    async def seen(name: str, *roles: str, **filters: Any) -> list[str]:
        who = house.person(name, list(roles))
        answer = await who.call(who.leases.ListLeases, lease_pb2.ListLeasesRequest(**filters))
        return [each.lease_id for each in answer.leases]

    both = [own.lease_id, lease.lease_id]
    assert await seen("Cleo", **of_app) == both
    assert await seen("Cleo", **of_app, page_size=1) == both[:1]
    assert await seen("Cleo", **of_app, **of_ada) == [lease.lease_id]
    assert await seen("Cleo", **of_app, state=lease_pb2.LEASE_STATE_ENDED) == []
    assert await seen("Cleo") == await seen("Cleo", **of_ada) == []
    assert await seen("Cleo", app_id=new_id("app")) == []
    assert await seen("Ben", **of_ada) == [lease.lease_id]
    assert await seen("Ben") == await seen("Ben", **of_app) == [own.lease_id]
    assert await seen("Boss", **of_ada) == await seen("Mallory", **of_ada) == []
    assert await seen("Hana", HELPDESK) == both
    assert await seen("Ada", **of_app, **of_ada) == [lease.lease_id]

    for name, roles in (("Ben", []), ("Cleo", []), ("Hana", [HELPDESK])):
        assert await house.person(name, roles).lease(lease.lease_id) == lease
    house.catalog.owners = []
    refusal = await refused(house.person("Cleo").lease(lease.lease_id))
    assert refusal.reason == "LEASE_NOT_FOUND"
    await house.catalog.stop()
    cleo = house.person("Cleo")
    for call in (
        cleo.lease(lease.lease_id),
        cleo.call(cleo.leases.ListLeases, lease_pb2.ListLeasesRequest(app_id=lease.app_id)),
    ):
        assert (await refused(call)).reason == "DEPENDENCY_UNAVAILABLE"
    assert await house.person("Ada").lease(lease.lease_id) == lease
