"""What an access request's timeline tells of a delivery."""

from collections.abc import Iterable
from datetime import datetime

from libs.domain.callers import Service
from services.requests.domain import timeline
from services.requests.domain.delivery import Delivery, TargetAnswer
from services.requests.domain.timeline import Entry

CONNECTOR = Service("connector")


def delivered(targets: Iterable[TargetAnswer], time: datetime) -> list[Entry]:
    """Entra's answers at their own times."""
    return [
        Entry(
            found.answer_time or time,
            CONNECTOR,
            timeline.TargetDelivered(found.target, found.answer, found.preexisting),
        )
        for found in targets
    ]


def found_so(delivery: Delivery, time: datetime) -> list[Entry]:
    """What is there of a delivery that failed, and then what Entra refused."""
    there = delivered((each for each in delivery.targets if each.present), time)
    refusals = [
        Entry(
            found.answer_time or time,
            CONNECTOR,
            timeline.TargetFailed(
                found.target, found.answer, found.failure_reason, found.failure_message
            ),
        )
        for found in delivery.refused
    ]
    return there + refusals


def removed_outside(found: Iterable[TargetAnswer], restored: bool, time: datetime) -> list[Entry]:
    """What somebody took out of Entra by hand."""
    return [
        Entry(
            time,
            CONNECTOR,
            timeline.RemovedOutside(each.target, each.removed_outside_time or time, restored),
        )
        for each in found
    ]
