"""The facts of `evaluation.proto`."""

from collections.abc import Sequence
from datetime import timedelta

from latchkey.policy.v1 import evaluation_pb2
from libs.domain.fields import Fields
from libs.rpc.well_known import duration_field, time_field
from services.policy.domain.evaluation_facts import AppFacts, EntitlementFacts, Facts, PersonFacts

# Ampler than any directory's own limit: what can't be asked about can't be approved either.
_MOST_IN_A_FACT = 1000
_RESOURCE_KINDS = ("CREDENTIAL", "ROLE", "APP_ROLE")
_MOST_HELD = 1000
_MOST_MANAGERS = 5
_MOST_OWNERS = 100


def facts_of(fields: Fields, facts: evaluation_pb2.Facts) -> Facts:
    """The facts of a request, whose `fields` these are. Those that are missing or impossible are
    noted: from half of them a policy would approve what it was not asked."""
    who, whoever, what, app = facts.subject, facts.requester, facts.entitlement, facts.app
    # What has an id was given; to ask each time would cost as much as to read it.
    if not (who.user_id and whoever.user_id and what.entitlement_id and app.app_id):
        for name in ("subject", "requester", "entitlement", "app"):
            if not facts.HasField(name):
                fields.wrong(name, "is required")
    if not facts.HasField("now"):
        fields.wrong("now", "is required")
    if len(facts.held) > _MOST_HELD:
        fields.wrong("held", f"has {len(facts.held)} entries, at most {_MOST_HELD} are taken")
    subject = _person(fields, "subject", who)
    return Facts(
        subject=subject,
        requester=(
            subject  # as nearly always
            if whoever == who and whoever.user_id
            else _person(fields, "requester", whoever)
        ),
        entitlement=_entitlement(fields, what),
        app=AppFacts(
            app_id=fields.id("app.app_id", app.app_id, "app"),
            display_name=_fact(fields, "app.display_name", app.display_name),
        ),
        requested_duration=_duration(fields, facts),
        emergency=facts.emergency,
        now=time_field(fields, "now", facts.now),
        # As they are: only expressions look at them, and those see messages.
        held=facts.held,
        manager_user_ids=_people(
            fields, "manager_user_ids", facts.manager_user_ids, _MOST_MANAGERS
        ),
        app_owner_user_ids=_people(
            fields, "app_owner_user_ids", facts.app_owner_user_ids, _MOST_OWNERS
        ),
        entitlement_owner_user_ids=_people(
            fields, "entitlement_owner_user_ids", facts.entitlement_owner_user_ids, _MOST_OWNERS
        ),
    )


def _person(fields: Fields, path: str, person: evaluation_pb2.PersonFacts) -> PersonFacts:
    manager_user_id = person.manager_user_id
    return PersonFacts(
        user_id=fields.id(f"{path}.user_id", person.user_id, "usr"),
        display_name=_fact(fields, f"{path}.display_name", person.display_name),
        # Empty is as good as not given: a policy must not take it for an answer.
        department=_fact(fields, f"{path}.department", person.department) or None,
        job_title=_fact(fields, f"{path}.job_title", person.job_title) or None,
        manager_user_id=fields.id(f"{path}.manager_user_id", manager_user_id, "usr", required=False)
        or None,
    )


def _entitlement(fields: Fields, entitlement: evaluation_pb2.EntitlementFacts) -> EntitlementFacts:
    if entitlement.resource_kind not in _RESOURCE_KINDS:
        fields.wrong("entitlement.resource_kind", f"must be one of {', '.join(_RESOURCE_KINDS)}")
    return EntitlementFacts(
        entitlement_id=fields.id("entitlement.entitlement_id", entitlement.entitlement_id, "ent"),
        display_name=_fact(fields, "entitlement.display_name", entitlement.display_name),
        resource_kind=entitlement.resource_kind,
    )


def _fact(fields: Fields, field: str, value: str) -> str:
    """A text out of the directory, which may be empty."""
    if len(value) <= _MOST_IN_A_FACT and value.isprintable():
        return value.strip()  # as nearly all are
    return fields.text(field, value, least=0, most=_MOST_IN_A_FACT, lines=True)


def _people(fields: Fields, field: str, user_ids: Sequence[str], most: int) -> tuple[str, ...]:
    if not user_ids:
        return ()
    return fields.ids(field, user_ids, "usr", most=most, each_once=False)


def _duration(fields: Fields, facts: evaluation_pb2.Facts) -> timedelta | None:
    if not facts.HasField("requested_duration"):
        return None
    message = facts.requested_duration
    return duration_field(fields, "requested_duration", message, least=timedelta(seconds=1))
