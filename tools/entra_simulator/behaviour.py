"""How the simulated Entra behaves: sizes, lags and habits that Microsoft documents or that others
have met. The defaults are a tenant on a good day; each switch makes it worse in one known way.

The control surface and the command line set these; the directory and the delta queries obey them.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

from tools.entra_simulator.fields import Fields, json_name


@dataclass
class Behaviour:
    """The switches. Shares are between 0 and 1; times are seconds.

    `replica_lags`: one read replica each, that sees writes this much later. Empty: every read
    sees every write. Writes and checks of duplicates always go to the primary.
    `user_delta_page`, `group_delta_page`, `service_principal_delta_page`: objects of a delta page;
    `member_delta_page`: member changes of one. Source: sizes observed by others, see
    docs/entra-simulator.md.
    `delta_shuffled`: the objects of a delta chain come in no order.
    `delta_repeated`: the share of objects that come once more on a later page of the chain.
    `delta_empty_pages`: the share of pages before which an empty one with a next link comes.
    `delta_removed_in_initial`: the initial round also lists objects that were deleted before it.
    `zero_role_always_accepted`: an app that declares roles still takes an assignment without one.
    `delta_token_lifetime`, `page_token_lifetime`: seconds that a delta link and a next link are
    good for.
    `absent_member_bad_request`: removing who is no member is 400, as seen right after a removal
    in the portal, and not 404.
    `absent_assignment_bad_request`: removing an unknown assignment is 400 and not 404.
    `duplicate_assignment_as_grant`: a duplicate is refused as `EntitlementGrant entry already
    exists`, as another part of Microsoft's back end says it.
    `unreplicated_not_found`: a reference to an object that a replica has not heard of is 404 and
    not `Not a valid reference update`.
    `mail_enabled_forbidden`: members of a mail-enabled group are refused 403 and not 400.
    `throttled_in_directorys_words`: 429 as the directory is seen to word it, not as documented.
    `justification_required`: privileged access to groups is refused without a justification.
    `token_lifetime`: seconds an access token is good for.
    `seed`: all chance comes from it.
    """

    replica_lags: tuple[float, ...] = ()
    user_delta_page: int = 200
    group_delta_page: int = 200
    service_principal_delta_page: int = 200
    member_delta_page: int = 500
    delta_shuffled: bool = False
    delta_repeated: float = 0.0
    delta_empty_pages: float = 0.0
    delta_removed_in_initial: bool = False
    zero_role_always_accepted: bool = False
    # Seven days. Source: Microsoft Learn, "Use delta query", "Token duration".
    delta_token_lifetime: int = 604_800
    # Microsoft names no lifetime; page tokens are known to die within minutes to hours.
    page_token_lifetime: int = 3_600
    absent_member_bad_request: bool = False
    absent_assignment_bad_request: bool = False
    duplicate_assignment_as_grant: bool = False
    unreplicated_not_found: bool = False
    mail_enabled_forbidden: bool = False
    throttled_in_directorys_words: bool = False
    justification_required: bool = False
    token_lifetime: int = 3_599
    seed: int = 1

    def change(self, document: Any, *, keep: bool) -> None:
        """Sets the switches the document names, and unless `keep` the others to their defaults.

        Raises `FieldError`, and has changed nothing then.
        """
        given = Fields(document)
        values = asdict(self if keep else Behaviour())
        for each in fields(self):
            name = json_name(each.name)
            if name in given:
                values[each.name] = _read(given, name, each.default)
        given.close()
        for name, value in values.items():
            setattr(self, name, value)

    def to_json(self) -> dict[str, Any]:
        return {json_name(name): value for name, value in asdict(self).items()}


def _read(given: Fields, name: str, default: object) -> Any:
    """The field, with the type that its default has."""
    if isinstance(default, bool):
        return given.flag(name)
    if isinstance(default, int):
        return given.count(name, least=1)
    if isinstance(default, tuple):
        return given.numbers(name)
    return given.number(name, most=1)
