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


def facts_of(fields: Fields, path: str, facts: evaluation_pb2.Facts) -> Facts:
    """The facts of a request. Those that are missing or impossible are noted: from half of them a
    policy would approve what it was not asked."""
    for name in ("subject", "requester", "entitlement", "app", "now"):
        if not facts.HasField(name):
            fields.wrong(f"{path}.{name}", "is required")
    app = facts.app
    if len(facts.held) > _MOST_HELD:
        fields.wrong(
            f"{path}.held", f"has {len(facts.held)} entries, at most {_MOST_HELD} are taken"
        )
    return Facts(
        subject=_person(fields, f"{path}.subject", facts.subject),
        requester=_person(fields, f"{path}.requester", facts.requester),
        entitlement=_entitlement(fields, f"{path}.entitlement", facts.entitlement),
        app=AppFacts(
            app_id=fields.id(f"{path}.app.app_id", app.app_id, "app"),
            display_name=_fact(fields, f"{path}.app.display_name", app.display_name),
        ),
        requested_duration=_duration(fields, path, facts),
        emergency=facts.emergency,
        now=time_field(fields, f"{path}.now", facts.now),
        # As they are: only expressions look at them, and those see messages.
        held=facts.held,
        manager_user_ids=_people(
            fields, f"{path}.manager_user_ids", facts.manager_user_ids, _MOST_MANAGERS
        ),
        app_owner_user_ids=_people(
            fields, f"{path}.app_owner_user_ids", facts.app_owner_user_ids, _MOST_OWNERS
        ),
        entitlement_owner_user_ids=_people(
            fields,
            f"{path}.entitlement_owner_user_ids",
            facts.entitlement_owner_user_ids,
            _MOST_OWNERS,
        ),
    )


def _person(fields: Fields, path: str, person: evaluation_pb2.PersonFacts) -> PersonFacts:
    return PersonFacts(
        user_id=fields.id(f"{path}.user_id", person.user_id, "usr"),
        display_name=_fact(fields, f"{path}.display_name", person.display_name),
        # Empty is as good as not given: a policy must not take it for an answer.
        department=_fact(fields, f"{path}.department", person.department) or None,
        job_title=_fact(fields, f"{path}.job_title", person.job_title) or None,
        manager_user_id=fields.id(
            f"{path}.manager_user_id", person.manager_user_id, "usr", required=False
        )
        or None,
    )


def _entitlement(
    fields: Fields, path: str, entitlement: evaluation_pb2.EntitlementFacts
) -> EntitlementFacts:
    if entitlement.resource_kind not in _RESOURCE_KINDS:
        fields.wrong(f"{path}.resource_kind", f"must be one of {', '.join(_RESOURCE_KINDS)}")
    return EntitlementFacts(
        entitlement_id=fields.id(f"{path}.entitlement_id", entitlement.entitlement_id, "ent"),
        display_name=_fact(fields, f"{path}.display_name", entitlement.display_name),
        resource_kind=entitlement.resource_kind,
    )


def _fact(fields: Fields, path: str, value: str) -> str:
    """A text out of the directory, which may be empty."""
    return fields.text(path, value, least=0, most=_MOST_IN_A_FACT, lines=True)


def _people(fields: Fields, path: str, user_ids: Sequence[str], most: int) -> tuple[str, ...]:
    if len(user_ids) > most:
        fields.wrong(path, f"has {len(user_ids)} ids, at most {most} are taken")
        return ()
    return tuple(
        fields.id(f"{path}[{number}]", user_id, "usr") for number, user_id in enumerate(user_ids)
    )


def _duration(fields: Fields, path: str, facts: evaluation_pb2.Facts) -> timedelta | None:
    if not facts.HasField("requested_duration"):
        return None
    path, message = f"{path}.requested_duration", facts.requested_duration
    return duration_field(fields, path, message, least=timedelta(seconds=1))
