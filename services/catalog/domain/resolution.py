"""What a request for an entitlement needs to know, and what a write to the directory."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from services.catalog.domain import errors
from services.catalog.domain.app import App, AppState
from services.catalog.domain.approvers import Surroundings
from services.catalog.domain.directory import User
from services.catalog.domain.entitlement import ROLE_GONE, Entitlement
from services.catalog.domain.link import UnwritableReason
from services.catalog.domain.provisioning import unwritable_among
from services.catalog.domain.settings import Defaults, EntitlementSettings, settle
from services.catalog.domain.target import GroupMembership, Target, group_name_in


@dataclass(frozen=True, slots=True)
class Offer:
    """An entitlement with its app.

    `rules`: what the rules of the app say of it, none while they do not govern it. `groups_only`:
    the app's connection provisions by group memberships only.
    """

    entitlement: Entitlement
    app: App
    rules: Defaults | None
    groups_only: bool = False


@dataclass(frozen=True, slots=True)
class Holding:
    """An entitlement that somebody holds."""

    entitlement_id: str
    display_name: str
    app_id: str


@dataclass(frozen=True, slots=True)
class Question:
    """What the store knows about an entitlement, its requester and its subject.

    `around`: the subject, their managers, and who answers for the app and the entitlement.
    `in_audience`: the subject is in one of the rules' access profiles. `groups`: of the
    fulfilment, those still in the directory. `held`: what of it the subject holds. Both by
    directory entitlement. `sync_time`: when a sync of the app's tenant was complete last.
    `holdings`: what the subject holds of managed apps, if that was asked for.
    """

    requester: User | None
    around: Surroundings
    offer: Offer | None
    in_audience: bool
    groups: Mapping[str, UnwritableReason]
    held: Collection[str]
    sync_time: datetime | None = None
    holdings: tuple[Holding, ...] = ()


@dataclass(frozen=True, slots=True)
class Resolution:
    """Everything that a request for an entitlement needs.

    The entitlement of the offer is as its connection provisions it. `held_ids`: of its fulfilment,
    what the subject holds, by directory entitlement.
    """

    offer: Offer
    settings: EntitlementSettings
    requester: User
    subject: User
    around: Surroundings
    held_ids: tuple[str, ...]
    sync_time: datetime | None
    holdings: tuple[Holding, ...]

    @property
    def held(self) -> bool:
        """Whether the subject holds the entitlement: all of what it is fulfilled with."""
        return len(self.held_ids) == len(self.offer.entitlement.fulfilment)


def resolve(
    question: Question,
    entitlement_id: str,
    requester_user_id: str,
    subject_user_id: str,
    deployment: Defaults,
) -> Resolution:
    """Answers the question, or says what stands against the request.

    Raises:
        NotAllowed: PERSON_NOT_IN_DIRECTORY, the requester.
        WrongState: PERSON_DISABLED, APP_REMOVED, ENTITLEMENT_REMOVED, NOT_PROVISIONABLE,
            GROUP_NOT_WRITABLE.
        NotFound: USER_NOT_FOUND, the subject, also for somebody of another tenant than the
            requester's; ENTITLEMENT_NOT_FOUND, also for what the subject may not ask for.
    """
    requester, around, offer = question.requester, question.around, question.offer
    subject = around.subject
    if requester is None:
        raise errors.person_not_in_directory(requester_user_id)
    if not requester.account_enabled:
        raise errors.person_disabled(requester_user_id)
    # Before anything is said of the entitlement: whoever is named as the subject, what they may not
    # ask for is as one that does not exist.
    if subject is None or subject.entra_tenant_id != requester.entra_tenant_id:
        raise errors.user_not_found(subject_user_id, "subject_user_id")
    if not subject.account_enabled:
        raise errors.person_disabled(subject_user_id)
    if offer is None:
        raise errors.entitlement_not_found(entitlement_id)
    settings = settle(offer.entitlement.override, offer.rules, offer.app.says, deployment)
    if not (question.in_audience and settings.requestable and _may_have(offer, subject)):
        raise errors.entitlement_not_found(entitlement_id)
    if offer.app.state is AppState.REMOVED:
        raise errors.app_removed(offer.app.app_id)
    # A group that is gone is said below, as any that can't be written to.
    if offer.entitlement.role_gone:
        raise errors.entitlement_removed(entitlement_id, ROLE_GONE)
    entitlement = offer.entitlement.provisioned(groups_only=offer.groups_only)
    if not entitlement.fulfilment:
        raise errors.not_provisionable(entitlement_id, offer.app.connection_id)
    if unwritable := unwritable_among(entitlement.fulfilment, question.groups):
        target, why = unwritable
        raise errors.group_not_writable(
            group_name_in(target.display_name), target.directory_entitlement_id, why, ""
        )
    return Resolution(
        offer=replace(offer, entitlement=entitlement),
        settings=settings,
        requester=requester,
        subject=subject,
        around=around,
        held_ids=tuple(
            target.directory_entitlement_id
            for target in entitlement.fulfilment
            if target.directory_entitlement_id in question.held
        ),
        sync_time=question.sync_time,
        holdings=question.holdings,
    )


def _may_have(offer: Offer, subject: User) -> bool:
    """Of another tenant's app nobody can be given anything, nor of Microsoft's own."""
    return not offer.app.is_protected and offer.app.entra_tenant_id == subject.entra_tenant_id


@dataclass(frozen=True, slots=True)
class ConfirmedTarget:
    """What the catalog knows of one target. Without a problem it may be written."""

    target: Target | None
    held: bool
    problem: str = ""


def confirm(
    offer: Offer, directory_entitlement_ids: Collection[str], held: Collection[str]
) -> tuple[ConfirmedTarget, ...]:
    """Says of each target whether the entitlement provisions it, and whether it is held."""
    app = offer.app
    listed = {target.directory_entitlement_id: target for target in offer.entitlement.fulfilment}
    problem = ""
    if app.state is not AppState.MANAGED:
        problem = f"{app.app_id} is {app.state.value.lower()}"
    elif app.is_protected:
        problem = f"{app.app_id} is Microsoft's own and is never written to"
    answers = []
    for asked in directory_entitlement_ids:
        target = listed.get(asked)
        if target is None:
            problem_here = f"{offer.entitlement.entitlement_id} does not provision {asked}"
        elif offer.groups_only and not isinstance(target.kind, GroupMembership):
            problem_here = problem or f"{app.connection_id} is for group memberships only"
        else:
            problem_here = problem
        answers.append(
            ConfirmedTarget(None if problem_here else target, asked in held, problem_here)
        )
    return tuple(answers)
