"""`resolution.proto`."""

from collections.abc import Iterable

from latchkey.catalog.v1 import resolution_pb2
from libs.domain.errors import NotFound
from libs.domain.fields import Fields
from libs.rpc.well_known import duration, timestamp
from services.catalog.domain.approvers import known_approvers
from services.catalog.domain.held import HeldItem, HeldState
from services.catalog.domain.resolution import ConfirmedTarget, Resolution
from services.catalog.domain.shown_entitlement import ShownEntitlement
from services.catalog.handlers import check_held, confirm_targets, resolve_entitlement
from services.catalog.ports import ForWriting
from services.catalog.translate.approver import source_to_proto
from services.catalog.translate.directory import user_to_proto
from services.catalog.translate.entitlement import entitlement_to_proto
from services.catalog.translate.settings import settings_to_proto
from services.catalog.translate.target import target_to_proto

_MOST_TARGETS = 100
_MOST_QUESTIONS = 100
_MOST_ITEMS = 500
_HELD_STATES = {
    HeldState.HELD: resolution_pb2.HELD_STATE_HELD,
    HeldState.NOT_HELD: resolution_pb2.HELD_STATE_NOT_HELD,
    HeldState.GONE: resolution_pb2.HELD_STATE_GONE,
}


def resolve_entitlement_query(
    request: resolution_pb2.ResolveEntitlementRequest,
) -> resolve_entitlement.Query:
    """The question about an entitlement, a requester and a subject."""
    with Fields() as fields:
        return resolve_entitlement.Query(
            entitlement_id=fields.id("entitlement_id", request.entitlement_id, "ent"),
            requester_user_id=fields.id("requester_user_id", request.requester_user_id, "usr"),
            subject_user_id=fields.id("subject_user_id", request.subject_user_id, "usr"),
            include_holdings=request.include_holdings,
        )


def resolve_entitlement_response(
    resolution: Resolution, request: resolution_pb2.ResolveEntitlementRequest
) -> resolution_pb2.ResolveEntitlementResponse:
    """Everything that a request for the entitlement needs, and what else was asked for."""
    offer, settings, around = resolution.offer, resolution.settings, resolution.around
    managers = around.managers
    app_owners = around.standing_for(around.app_owners)
    entitlement_owners = around.standing_for(around.entitlement_owners)
    named = {user.user_id for user in (*managers, *app_owners, *entitlement_owners)}
    known = known_approvers(around) if request.include_approvers else {}
    return resolution_pb2.ResolveEntitlementResponse(
        entitlement=entitlement_to_proto(ShownEntitlement(offer.entitlement), settings),
        app_display_name=offer.app.display_name,
        requester=user_to_proto(resolution.requester),
        subject=user_to_proto(resolution.subject),
        manager=user_to_proto(managers[0]) if managers else None,
        policy_id=settings.policy_id,
        max_duration=duration(settings.max_duration),
        held=resolution.held,
        settings=settings_to_proto(settings),
        managers=map(user_to_proto, managers),
        app_owners=map(user_to_proto, app_owners),
        entitlement_owners=map(user_to_proto, entitlement_owners),
        instructions=offer.app.instructions,
        held_directory_entitlement_ids=resolution.held_ids,
        sync_time=timestamp(resolution.sync_time),
        holdings=[
            resolution_pb2.Holding(
                entitlement_id=each.entitlement_id,
                display_name=each.display_name,
                app_id=each.app_id,
            )
            for each in resolution.holdings
        ],
        approvers=[
            resolution_pb2.KnownApprovers(
                source=source_to_proto(source),
                user_ids=[user.user_id for user in approvers.people],
                problem=approvers.problem,
            )
            for source, approvers in known.items()
            # Of many owners, some of them of other tenants, not the same hundred are meant.
            if all(user.user_id in named for user in approvers.people)
        ],
    )


def confirm_targets_query(
    request: resolution_pb2.ConfirmTargetsRequest,
) -> ForWriting:
    """The question about targets."""
    with Fields() as fields:
        return _question(fields, request)


def batch_confirm_query(
    request: resolution_pb2.BatchConfirmTargetsRequest,
) -> list[ForWriting]:
    """Several questions about targets."""
    asked = request.questions
    with Fields() as fields:
        if not 1 <= len(asked) <= _MOST_QUESTIONS:
            fields.wrong("questions", f"has {len(asked)}, 1 to {_MOST_QUESTIONS} are taken")
        return [
            _question(fields, each, f"questions[{index}].")
            for index, each in enumerate(asked[:_MOST_QUESTIONS])
        ]


def _question(
    fields: Fields, request: resolution_pb2.ConfirmTargetsRequest, within: str = ""
) -> ForWriting:
    asked = request.directory_entitlement_ids
    ids = f"{within}directory_entitlement_ids"
    if not 1 <= len(asked) <= _MOST_TARGETS:
        fields.wrong(ids, f"has {len(asked)}, 1 to {_MOST_TARGETS} are taken")
    return ForWriting(
        entitlement_id=fields.id(f"{within}entitlement_id", request.entitlement_id, "ent"),
        subject_user_id=fields.id(f"{within}subject_user_id", request.subject_user_id, "usr"),
        directory_entitlement_ids=tuple(
            fields.id(f"{ids}[{index}]", each, "den")
            for index, each in enumerate(asked[:_MOST_TARGETS])
        ),
    )


def confirm_targets_response(
    confirmed: confirm_targets.Confirmed,
) -> resolution_pb2.ConfirmTargetsResponse:
    """What the catalog knows of the targets."""
    return resolution_pb2.ConfirmTargetsResponse(
        targets=map(_confirmed_to_proto, confirmed.targets),
        subject=user_to_proto(confirmed.subject),
    )


def batch_confirm_response(
    answers: Iterable[confirm_targets.Confirmed | NotFound],
) -> resolution_pb2.BatchConfirmTargetsResponse:
    """An answer to each question."""
    return resolution_pb2.BatchConfirmTargetsResponse(answers=map(_answer, answers))


def _answer(
    answer: confirm_targets.Confirmed | NotFound,
) -> resolution_pb2.BatchConfirmTargetsResponse.Answer:
    message = resolution_pb2.BatchConfirmTargetsResponse
    if isinstance(answer, NotFound):
        not_found = message.NotFound(reason=answer.reason, message=answer.message)
        return message.Answer(not_found=not_found)
    return message.Answer(confirmed=confirm_targets_response(answer))


def check_held_query(request: resolution_pb2.CheckHeldRequest) -> check_held.Query:
    """The question who holds what."""
    with Fields() as fields:
        if not 1 <= len(request.items) <= _MOST_ITEMS:
            fields.wrong("items", f"has {len(request.items)}, 1 to {_MOST_ITEMS} are taken")
        return check_held.Query(
            connection_id=fields.id("connection_id", request.connection_id, "con"),
            items=tuple(
                HeldItem(
                    fields.id(f"items[{index}].user_id", each.user_id, "usr"),
                    fields.id(
                        f"items[{index}].directory_entitlement_id",
                        each.directory_entitlement_id,
                        "den",
                    ),
                )
                for index, each in enumerate(request.items[:_MOST_ITEMS])
            ),
        )


def check_held_response(held: check_held.Held) -> resolution_pb2.CheckHeldResponse:
    """Who holds what."""
    return resolution_pb2.CheckHeldResponse(
        sync_id=held.sync_id, states=[_HELD_STATES[state] for state in held.states]
    )


def _confirmed_to_proto(confirmed: ConfirmedTarget) -> resolution_pb2.ConfirmedTarget:
    target = confirmed.target
    return resolution_pb2.ConfirmedTarget(
        target=None if target is None else target_to_proto(target),
        listed=target is not None,
        held=confirmed.held,
        problem=confirmed.problem,
    )
