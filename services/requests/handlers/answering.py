"""Who answers for access of others, as the directory says at this moment."""

from collections.abc import Mapping, Sequence

from libs.domain.callers import Person
from libs.domain.errors import NotFound
from services.requests import ports
from services.requests.domain.lease import Lease
from services.requests.domain.person import PersonRef
from services.requests.domain.progress import Resolved
from services.requests.domain.steps import AppOwners, Approvers, Manager


async def approvers_of(
    catalog: ports.Catalog,
    entitlement_id: str,
    subject_user_id: str,
    sources: Sequence[Approvers],
    known: Mapping[Approvers, Resolved],
) -> tuple[Resolved, ...]:
    """Whom each of the sources stands for; the catalog is asked for those that are not `known`.

    Raises:
        Unavailable: the catalog does not answer.
    """
    unknown = [source for source in sources if source not in known]
    answers = iter(
        await catalog.approvers(entitlement_id, subject_user_id, unknown) if unknown else ()
    )
    return tuple(known[source] if source in known else next(answers) for source in sources)


async def answers_for(catalog: ports.Catalog, person: Person, lease: Lease) -> bool:
    """Whether they are the manager of who has it, or an owner of its app.

    Raises:
        Unavailable: the catalog does not answer.
    """
    answering = await catalog.approvers(
        lease.entitlement_id, lease.subject.user_id, (Manager(), AppOwners())
    )
    return person.user_id in {each.user_id for some in answering for each in some.people}


async def owns_app(
    catalog: ports.Catalog, person: Person, app_id: str, entitlement_id: str = ""
) -> bool:
    """Whether they are an owner of the app; `entitlement_id` is one of it, where that is known.

    Who asks about an app, or an entitlement of it, that there is not owns nothing.

    Raises:
        Unavailable: the catalog does not answer.
    """
    try:
        one = await catalog.an_entitlement(app_id, entitlement_id)
    except NotFound:
        return False
    owners = await owners_of(catalog, one, person.user_id)
    return any(each.user_id == person.user_id for each in owners)


async def owners_of(
    catalog: ports.Catalog, entitlement_id: str, subject_user_id: str
) -> tuple[PersonRef, ...]:
    """Who owns the app of an entitlement, of those in the tenant of a person.

    Raises:
        Unavailable: the catalog does not answer.
    """
    (found,) = await catalog.approvers(entitlement_id, subject_user_id, (AppOwners(),))
    return found.people


async def manages(catalog: ports.Catalog, person: Person, user_id: str) -> bool:
    """Whether they are somebody's manager.

    Raises:
        Unavailable: the catalog does not answer.
    """
    return person.user_id in (await catalog.managers(user_id))[:1]
