"""`owner.proto`."""

from collections.abc import Sequence

from latchkey.catalog.v1 import owner_pb2
from libs.domain.fields import Fields
from services.catalog.domain.owner import Owner, OwnerSource

_MOST_OWNERS = 32


def owners_of(fields: Fields, path: str, given: Sequence[owner_pb2.Owner]) -> tuple[Owner, ...]:
    """Owners that are given, each once."""
    if len(given) > _MOST_OWNERS:
        fields.wrong(path, f"has {len(given)}, at most {_MOST_OWNERS} are taken")
    found: list[Owner] = []
    for index, each in enumerate(given[:_MOST_OWNERS]):
        where = f"{path}[{index}]"
        match each.WhichOneof("kind"):
            case "user_id":
                owner = Owner(fields.id(f"{where}.user_id", each.user_id, "usr"))
            case "entitlement_id":
                owner = Owner(fields.id(f"{where}.entitlement_id", each.entitlement_id, "ent"))
            case _:
                fields.wrong(where, "is required: user_id or entitlement_id")
                continue
        if owner in found:
            fields.wrong(where, "is named more than once")
        found.append(owner)
    return tuple(found)


def owner_to_proto(owner: Owner) -> owner_pb2.Owner:
    """An owner."""
    if owner.is_person:
        return owner_pb2.Owner(user_id=owner.owner_id)
    return owner_pb2.Owner(entitlement_id=owner.owner_id)


def source_to_proto(source: OwnerSource) -> owner_pb2.OwnerSource.ValueType:
    """Where owners come from."""
    return owner_pb2.OwnerSource.Value(f"OWNER_SOURCE_{source}")
