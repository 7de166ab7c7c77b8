"""How access reviews are refused. Reasons as in `errors`."""

from libs.domain.errors import NotAllowed, NotFound, WrongState


def campaign_not_found(campaign_id: str) -> NotFound:
    """There is none, or it is none of the caller's business."""
    return NotFound(
        "CAMPAIGN_NOT_FOUND", f"There is no campaign {campaign_id}.", campaign_id=campaign_id
    )


def campaign_item_not_found(campaign_item_id: str) -> NotFound:
    """There is none, or it is none of the caller's business."""
    return NotFound(
        "CAMPAIGN_ITEM_NOT_FOUND",
        f"There is no campaign item {campaign_item_id}.",
        campaign_item_id=campaign_item_id,
    )


def campaign_state(campaign_id: str, state: str, verb: str) -> WrongState:
    """The campaign is not where this can be done."""
    return WrongState(
        "CAMPAIGN_STATE",
        f"{campaign_id} is {state} and can't be {verb}.",
        campaign_id=campaign_id,
        state=state,
    )


def campaign_due(campaign_id: str, state: str) -> WrongState:
    """Its time is over, and what happens then is about to."""
    return WrongState(
        "CAMPAIGN_STATE",
        f"{campaign_id} is due: nothing can be said of its items any more.",
        campaign_id=campaign_id,
        state=state,
    )


def campaign_item_state(campaign_item_id: str, state: str) -> WrongState:
    """It has been said."""
    return WrongState(
        "CAMPAIGN_STATE",
        f"{campaign_item_id} is {state}: a verdict is not taken back.",
        campaign_item_id=campaign_item_id,
        state=state,
    )


def campaign_too_large(most: int) -> WrongState:
    """More people hold it than one campaign takes."""
    return WrongState(
        "CAMPAIGN_TOO_LARGE",
        f"There are more than {most} holders. Review one entitlement of the app at a time.",
        most=most,
    )


def own_access(campaign_item_id: str) -> NotAllowed:
    """Nobody says it of what they hold themselves."""
    return NotAllowed(
        "SELF_DECISION",
        f"You can't review {campaign_item_id}: it is your own access. Somebody else has to.",
        campaign_item_id=campaign_item_id,
    )
