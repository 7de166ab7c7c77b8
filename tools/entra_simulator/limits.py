"""The limits Microsoft documents for the directory, and how the control surface changes them."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from typing import Any

from tools.entra_simulator.fields import Fields, json_name

# Users of the tenant up to which a size goes, its name, and its resource units in ten seconds.
_SIZES = ((50, "S", 3_500), (501, "M", 5_000), (math.inf, "L", 8_000))


@dataclass
class Limits:
    """What is allowed. `scale` multiplies every amount; `enabled` switches all of them off.

    `resource_units`: of one application in ten seconds; None follows the number of users: 3,500
    below 50, 5,000 up to 500, 8,000 above. `writes`: of one application in 150 seconds.
    `application_resource_units` in 20 seconds and `application_writes` in five minutes are the
    application's in all tenants, `tenant_writes` in five minutes those of all applications here.
    `retry_after`: whether refusals say when to come back.
    `early_grace`: seconds within which a call after a 429 counts as under way already.
    """

    enabled: bool = True
    scale: float = 1.0
    resource_units: float | None = None
    writes: float = 3_000
    application_resource_units: float = 150_000
    application_writes: float = 70_000
    tenant_writes: float = 18_000
    retry_after: bool = True
    early_grace: float = 0.1

    def changed(self, document: Any) -> Limits:
        """These, but for those the document names. Raises `FieldError`."""
        given = Fields(document)
        limits = Limits(**asdict(self))
        for each in fields(Limits):
            name = json_name(each.name)
            if name not in given:
                continue
            if each.name == "resource_units" and given.is_null(name):
                limits.resource_units = None
            elif each.name in ("enabled", "retry_after"):
                setattr(limits, each.name, given.flag(name))
            else:
                least = {"scale": 0.001, "early_grace": 0}.get(each.name, 1)
                setattr(limits, each.name, given.number(name, least=least))
        given.close()
        return limits

    def to_json(self) -> dict[str, Any]:
        return {json_name(name): value for name, value in asdict(self).items()}


def tenant_size(users: int) -> tuple[str, int]:
    """S, M or L, and the resource units that go with it."""
    return next((name, units) for below, name, units in _SIZES if users < below)
