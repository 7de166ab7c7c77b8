"""What the connector refuses with is in its contract."""

import inspect
from typing import Any

from latchkey.connector.v1 import errors_pb2, events_pb2
from libs.domain.callers import Service
from libs.domain.changes import Fact
from libs.domain.errors import LatchkeyError
from services.connector.domain import errors, facts
from services.connector.domain.connection import RemovedAccessAction
from services.connector.domain.sync import HeldRemoval
from services.connector.translate.connections import REMOVED_ACCESS_ACTIONS
from services.connector.translate.facts import fact_to_message

_GENERAL = 20


def _example(parameter: inspect.Parameter) -> Any:
    return ["global"] if "Iterable" in str(parameter.annotation) else "value"


def _refusals() -> list[LatchkeyError]:
    found = []
    for _, make in inspect.getmembers(errors, inspect.isfunction):
        if make.__module__ == errors.__name__:
            parameters = inspect.signature(make).parameters.values()
            found.append(make(*[_example(parameter) for parameter in parameters]))
    return found


def test_every_reason_is_in_the_contract_and_the_other_way_round() -> None:
    """No reason is made up, and none of the connector's own is left unused."""
    raised = {error.reason for error in _refusals()}
    known = {
        name.removeprefix("ERROR_REASON_"): number
        for name, number in errors_pb2.ErrorReason.items()
    }
    assert raised <= known.keys()
    assert {name for name, number in known.items() if number >= _GENERAL} <= raised


def test_every_value_of_a_message_is_a_fact() -> None:
    """Who reads by machine finds in the facts what people find in the text."""
    for error in _refusals():
        assert error.facts, error.reason


def test_every_fact_is_published_as_an_event_of_the_contract() -> None:
    """Each field of a fact is a field of its message, with the same value."""
    made = set()
    for name, kind in inspect.getmembers(facts, inspect.isclass):
        if kind.__module__ != facts.__name__:
            continue
        parameters = inspect.signature(kind).parameters.values()
        values = {p.name: _value(p) for p in parameters}
        message = fact_to_message(Fact("x_1", 1, kind(**values)))
        assert message.DESCRIPTOR.name == name
        for field, value in values.items():
            if isinstance(value, Service):
                assert getattr(message, field).service == value.name
            elif isinstance(value, RemovedAccessAction):
                assert getattr(message, field) == REMOVED_ACCESS_ACTIONS[value]
            elif isinstance(value, tuple) and value and not isinstance(value[0], str):
                assert len(getattr(message, field)) == len(value)
            else:
                assert getattr(message, field) == (
                    list(value) if isinstance(value, tuple) else value
                )
        made.add(name)
    # Heads are signed, and told of, by what every service has for its audit.
    assert {*made, "AuditHeadSigned"} == set(events_pb2.DESCRIPTOR.message_types_by_name)


def _value(parameter: inspect.Parameter) -> Any:
    if parameter.annotation is int:
        return 7
    if parameter.annotation == tuple[str, ...]:
        return (parameter.name,)
    if parameter.annotation is RemovedAccessAction:
        return RemovedAccessAction.RESTORE
    if parameter.annotation == tuple[HeldRemoval, ...]:
        return (HeldRemoval("users", 7, 9),)
    return parameter.name if parameter.annotation is str else Service("connector")
