"""Access reviews: what somebody holds is looked at by somebody who answers for it.

A campaign is OPEN until it is due or somebody closes it, and then CLOSED. Its items are the access
of those who held something when it was started; of each is said once whether it stays. What comes
of a verdict outside the campaign, the end of a lease, is not made here.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from libs.domain.callers import ADMIN, AUDITOR, Caller, Person
from libs.domain.errors import Conflict, Invalid
from services.requests.domain import campaign_errors, errors
from services.requests.domain.person import PersonRef
from services.requests.domain.steps import AppOwners, Approvers, Manager

MOST_ITEMS = 20_000
_SOONEST, _LATEST = timedelta(minutes=1), timedelta(days=365)


class CampaignState(StrEnum):
    """Where a campaign stands."""

    OPEN = "OPEN"
    CLOSED = "CLOSED"


class DueAction(StrEnum):
    """What becomes of items that nobody looked at."""

    KEEP = "KEEP"
    REVOKE = "REVOKE"


class ReviewedBy(StrEnum):
    """Who reviews the items of a campaign."""

    APP_OWNERS = "APP_OWNERS"
    MANAGERS = "MANAGERS"

    @property
    def sources(self) -> tuple[Approvers, ...]:
        """Who they are: those of the first of these that stands for anybody."""
        return (AppOwners(),) if self is ReviewedBy.APP_OWNERS else (Manager(), AppOwners())


class Verdict(StrEnum):
    """What was said of an item."""

    CERTIFIED = "CERTIFIED"
    REVOKED = "REVOKED"
    NOT_REVIEWED = "NOT_REVIEWED"


@dataclass(frozen=True, slots=True)
class Campaign:
    """An access review of an app, or of one of its entitlements: all of them where it is empty.

    `look_time`: when it is to be looked at by itself: when it is due, and while items are still to
    be revoked after that; none once it is all over.
    """

    campaign_id: str
    version: int
    display_name: str
    app_id: str
    entitlement_id: str
    reviewed_by: ReviewedBy
    due_time: datetime
    due_action: DueAction
    starter: Caller
    starter_user_id: str
    create_time: datetime
    state: CampaignState = CampaignState.OPEN
    item_count: int = 0
    certified_count: int = 0
    revoked_count: int = 0
    close_time: datetime | None = None
    look_time: datetime | None = None

    @classmethod
    def start(
        cls,
        campaign_id: str,
        *,
        starter: Person,
        display_name: str,
        app_id: str,
        entitlement_id: str,
        reviewed_by: ReviewedBy,
        due_time: datetime,
        due_action: DueAction,
        item_count: int,
        time: datetime,
    ) -> "Campaign":
        """A new one."""
        return cls(
            campaign_id=campaign_id,
            version=1,
            display_name=display_name,
            app_id=app_id,
            entitlement_id=entitlement_id,
            reviewed_by=reviewed_by,
            due_time=due_time,
            due_action=due_action,
            starter=starter,
            starter_user_id=starter.user_id,
            create_time=time,
            item_count=item_count,
            look_time=due_time,
        )

    @property
    def open_count(self) -> int:
        """Of how many items nobody has said anything."""
        return self.item_count - self.certified_count - self.revoked_count

    @property
    def is_settled(self) -> bool:
        """Whether it is over, and so are the items that were to be revoked."""
        return self.state is CampaignState.CLOSED and self.look_time is None

    def is_due(self, time: datetime) -> bool:
        """Whether nobody can say anything any more."""
        return self.due_time <= time

    def sees_all(self, person: Person) -> bool:
        """Whether a person sees every item, whoever reviews it."""
        return person.user_id == self.starter_user_id or person.may(ADMIN, AUDITOR)

    def check_closable_by(self, person: Person) -> None:
        """Does nothing for who started it, and for administrators.

        Raises:
            NotAllowed: anybody else who may see it.
        """
        if person.user_id != self.starter_user_id and not person.may(ADMIN):
            raise errors.not_theirs_to_change(person, "who started it and administrators")

    def check_reviewable(self, time: datetime) -> None:
        """Does nothing while something can be said of its items.

        Raises:
            WrongState: CAMPAIGN_STATE.
        """
        if self.state is not CampaignState.OPEN:
            raise campaign_errors.campaign_state(self.campaign_id, self.state, "reviewed")
        if self.is_due(time):
            raise campaign_errors.campaign_due(self.campaign_id, self.state)

    def close(self, time: datetime) -> "Campaign":
        """It is over; what its due action revokes is still to be revoked.

        Raises:
            WrongState: CAMPAIGN_STATE.
        """
        if self.state is not CampaignState.OPEN:
            raise campaign_errors.campaign_state(self.campaign_id, self.state, "closed")
        to_revoke = self.due_action is DueAction.REVOKE and self.open_count
        return replace(
            self,
            version=self.version + 1,
            state=CampaignState.CLOSED,
            close_time=time,
            look_time=time if to_revoke else None,
        )

    def settle(self) -> "Campaign":
        """Everything that was to be revoked is."""
        return replace(self, version=self.version + 1, look_time=None)

    def count(self, verdict: Verdict) -> "Campaign":
        """Something was said of one more item."""
        return replace(
            self,
            version=self.version + 1,
            certified_count=self.certified_count + (verdict is Verdict.CERTIFIED),
            revoked_count=self.revoked_count + (verdict is Verdict.REVOKED),
        )


@dataclass(frozen=True, slots=True)
class CampaignItem:
    """What somebody held by one entitlement when the campaign was started.

    `lease_id` is empty where no lease of it held it. `ways` are what they held of it otherwise than
    by that lease, for people to read: "member of Editors". `reviewers` are who was asked when the
    directory was last asked. `reviewer` and `review_time` are set with the verdict.
    """

    campaign_item_id: str
    version: int
    campaign_id: str
    entitlement_id: str
    entitlement_display_name: str
    subject: PersonRef
    lease_id: str
    ways: tuple[str, ...]
    reviewers: tuple[PersonRef, ...]
    verdict: Verdict | None = None
    reviewer: Caller | None = None
    reason: str = ""
    review_time: datetime | None = None
    instructions: str = ""

    def is_asked(self, user_id: str) -> bool:
        """Whether a person was asked when the directory was last asked."""
        return any(each.user_id == user_id for each in self.reviewers)

    def check_etag(self, etag: str) -> None:
        """Does nothing for the present one.

        Raises:
            Conflict: ETAG_MISMATCH.
        """
        if etag != str(self.version):
            raise Conflict.stale_etag(self.campaign_item_id)

    def check_open(self) -> None:
        """Does nothing while nobody has said anything of it.

        Raises:
            WrongState: CAMPAIGN_STATE.
        """
        if self.verdict is not None:
            raise campaign_errors.campaign_item_state(self.campaign_item_id, self.verdict)

    def asked_of(self, reviewers: tuple[PersonRef, ...]) -> "CampaignItem":
        """Others are asked now; the same one where they are who they were."""
        if {each.user_id for each in reviewers} == {each.user_id for each in self.reviewers}:
            return self
        return replace(self, version=self.version + 1, reviewers=reviewers)

    def rule(
        self,
        verdict: Verdict,
        reviewer: Caller,
        reason: str,
        time: datetime,
        instructions: str = "",
    ) -> "CampaignItem":
        """It is said whether it stays.

        Raises:
            WrongState: CAMPAIGN_STATE.
        """
        self.check_open()
        return replace(
            self,
            version=self.version + 1,
            verdict=verdict,
            reviewer=reviewer,
            reason=reason,
            review_time=time,
            instructions=instructions,
        )

    def instructions_for(
        self, lease_over: str, other_lease_id: str, stays: tuple[str, ...] = ()
    ) -> str:
        """What those who answer for the app have to know, or do, when it is revoked.

        `lease_over`: how its lease had ended before, in words; empty where it ends now, and where
        it has none. `other_lease_id`: one that was granted since. `stays`: what was there before
        its lease, and so is not removed with it.
        """
        said = []
        if lease_over:
            said.append(f"Its lease {self.lease_id} {lease_over}.")
        if other_lease_id:
            said.append(
                f"The lease {other_lease_id} was granted since, is no part of this review, and "
                "goes on: end that too if it shall not."
            )
        if by_hand := (*self.ways, *stays):
            said.append(
                f"Latchkey has not brought this, and does not remove it. Take it from "
                f"{self.subject.display_name or self.subject.user_id} in Entra: "
                f"{'; '.join(by_hand)}."
            )
        return " ".join(said)


def check_due_time(due_time: datetime, time: datetime) -> None:
    """Does nothing for a time at which a campaign can be due.

    Raises:
        Invalid: FIELD_INVALID.
    """
    if not time + _SOONEST <= due_time <= time + _LATEST:
        raise Invalid.field(
            "campaign.due_time", f"must be a minute to {_LATEST.days} days from now"
        )
