"""Directory objects of whatever type."""

from __future__ import annotations

from tools.entra_simulator.errors import GraphError, Refusal
from tools.entra_simulator.graph.call import Answer, GraphCall
from tools.entra_simulator.graph.shapes import (
    DIRECTORY_OBJECTS,
    check_select,
    selected_directory_object,
)

# Source: Microsoft Learn, directoryobject-getbyids.
_MOST_IDS = 1_000


def get_by_ids(call: GraphCall) -> Answer:
    """The objects with these ids that there are, in the order asked for."""
    body = call.body if isinstance(call.body, dict) else {}
    ids, types = body.get("ids"), body.get("types") or list(DIRECTORY_OBJECTS)
    if not isinstance(ids, list) or not 1 <= len(ids) <= _MOST_IDS:
        raise GraphError(Refusal.PROPERTIES_INVALID)
    if not isinstance(types, list) or not all(isinstance(name, str) for name in (*ids, *types)):
        raise GraphError(Refusal.PROPERTIES_INVALID)
    check_select(call.options.select, DIRECTORY_OBJECTS)
    wanted = DIRECTORY_OBJECTS if "directoryObject" in types else types
    found = [
        selected_directory_object(*reference, call.options.select)
        for id in dict.fromkeys(ids)
        if (reference := call.directory.find(id.lower())) and reference[0] in wanted
    ]
    return Answer(200, {"@odata.context": call.context("directoryObjects"), "value": found})
