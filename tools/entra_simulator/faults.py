"""Faults: what goes wrong with single calls, by rules that the control surface sets.

A rule names which calls it strikes, how, how often and with what chance. A fault `INSTEAD` of a
call leaves the tenant untouched; one `AFTER` it lets the call have its effect and spoils the
answer, as a timeout after success does.
"""

from __future__ import annotations

from typing import Any

from tools.entra_simulator.fault_kinds import Connection, Moment
from tools.entra_simulator.fault_rules import FaultRule, Service, Strike

__all__ = ["Connection", "FaultRule", "Faults", "Moment", "Strike"]


class Faults:
    """The rules in force."""

    def __init__(self, seed: int = 1) -> None:
        self._seed = seed
        self._rules: list[FaultRule] = []
        self._last_id = 0

    @property
    def rules(self) -> tuple[FaultRule, ...]:
        """Every rule that was not removed, spent ones too: they tell how often they struck."""
        return tuple(self._rules)

    def add(self, kind: str, **fields: Any) -> FaultRule:
        """Puts a rule in force, the last of all. Fields as in JSON. Raises `FieldError`."""
        return self.add_json({"kind": kind, **fields})

    def add_json(self, document: Any) -> FaultRule:
        rule = FaultRule.from_json(document)
        self._last_id += 1
        rule.id = self._last_id
        # Each has a chance of its own, so that one rule does not change what another one does.
        rule.seed(f"{self._seed}/{rule.id}")
        self._rules.append(rule)
        return rule

    def find(self, rule_id: int) -> FaultRule | None:
        return next((rule for rule in self._rules if rule.id == rule_id), None)

    def remove(self, rule_id: int) -> None:
        """Raises `KeyError` when there is none of this id."""
        if self.find(rule_id) is None:
            raise KeyError(f"fault {rule_id}")
        self._rules = [rule for rule in self._rules if rule.id != rule_id]

    def clear(self) -> None:
        self._rules.clear()

    def strike(
        self, method: str, path: str, *, in_batch: bool, service: Service = "graph"
    ) -> Strike | None:
        """The fault for this call, if there is one; it counts as used up.

        `path` is without scheme, host and version, with its query: `/groups/delta?$select=id`.
        Each item of a batch is asked about on its own (`in_batch`), beside the batch itself.
        The first rule that strikes decides.
        """
        for rule in self._rules:
            if rule.strikes(service, method, path, in_batch):
                return rule.strike(path)
        return None
