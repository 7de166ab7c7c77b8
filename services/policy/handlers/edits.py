"""How policies are changed, whoever asks for it."""

from collections.abc import Sequence

from libs.domain.callers import Caller
from libs.domain.changes import Change
from services.policy.domain.edit import Edit
from services.policy.ports import Policies


def change_of(policies: Policies, edits: Sequence[Edit], actor: Caller, reason: str = "") -> Change:
    """What makes edits true, all or none: one or more."""
    first, *more = (edit.audit(actor, reason) for edit in edits)
    return Change(
        audit=first,
        writes=policies.edited(edits),
        facts=tuple(edit.fact(actor) for edit in edits),
        also=tuple(more),
    )
