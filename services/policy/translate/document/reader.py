"""YAML on its way to policies: into the contract's messages, which are then checked as those of any
other request."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.duration_pb2 import Duration

from latchkey.policy.v1 import policy_pb2
from libs.domain.fields import Fields
from libs.rpc.well_known import duration
from services.policy.translate.document.lengths import length_of_text
from services.policy.translate.document.nodes import List, Node, Place, Text
from services.policy.translate.document.nodes import Mapping as Entries

_PATH_END = re.compile(r"(\.[a-z_]+|\[\d+\])$")
_MANAGER = re.compile(r"manager(?: ([1-9][0-9]?))?")
# In place of a length that is wrong or missing.
_AN_HOUR = Duration(seconds=3600)
_WHOM = "manager, manager 2, app owners, entitlement owners, an id, a list of ids, or expression: …"


@dataclass
class Reader:
    """Reads nodes, notes what is wrong with them, and where the messages' fields stand."""

    fields: Fields
    places: dict[str, Place] = field(default_factory=dict)
    escalations: dict[str, str] = field(default_factory=dict)
    """The names of policies that are escalated to, by the ids that stand for them meanwhile."""

    def place_of(self, path: str) -> Place | None:
        """Where a field stands, or what it is in."""
        while path:
            if path in self.places:
                return self.places[path]
            path, cut = _PATH_END.subn("", path)
            if not cut:
                break
        return None

    def policies(self, root: Node) -> list[policy_pb2.Policy]:
        """The policies of a document."""
        found = self._entries(root, "policies")
        if (policies := found.get("policies")) is None:
            return []
        return [
            self._policy(f"policies[{number}]", node)
            for number, node in enumerate(self._items(policies))
        ]

    def _wrong(self, place: Place, problem: str) -> None:
        self.fields.wrong("document", f"{place}: {problem}")

    def _entries(self, node: Node, needed: str, *more: str) -> dict[str, Node]:
        """What a mapping has, by its keys; nothing where it is none. `needed` may be empty."""
        keys = [*needed.split(), *more]
        if not isinstance(node, Entries):
            self._wrong(node.place, f"must be a mapping with {', '.join(keys)}")
            return {}
        found = {}
        for key, (place, value) in node.entries.items():
            if key in keys:
                found[key] = value
            else:
                shown = key if len(key) <= 100 and key.isprintable() else "this"
                self._wrong(place, f"{shown} is no key here; those are {', '.join(keys)}")
        for key in needed.split():
            if key not in node.entries:
                self._wrong(node.place, f"{key} is missing")
        return found

    def _items(self, node: Node) -> list[Node]:
        if isinstance(node, List):
            return node.items
        self._wrong(node.place, "must be a list")
        return []

    def _text(self, node: Node) -> str:
        if isinstance(node, Text) and (node.text or not node.plain):
            return node.text
        self._wrong(node.place, "must be a text")
        # So that nobody is told, beside that, that it is missing.
        return "-"

    def _policy(self, path: str, node: Node) -> policy_pb2.Policy:
        found = self._entries(node, "name baseline", "description", "rules")
        self.places[path] = node.place
        return policy_pb2.Policy(
            display_name=self._field(f"{path}.display_name", found, "name"),
            description=self._field(f"{path}.description", found, "description"),
            rules=[
                self._rule(f"{path}.rules[{number}]", rule)
                for number, rule in enumerate(self._list(f"{path}.rules", found, "rules"))
            ],
            baseline=self._steps(f"{path}.baseline", found, "baseline"),
        )

    def _rule(self, path: str, node: Node) -> policy_pb2.Rule:
        found = self._entries(node, "name when steps", "apps", "entitlements")
        self.places[path] = node.place
        return policy_pb2.Rule(
            display_name=self._field(f"{path}.display_name", found, "name"),
            condition=self._field(f"{path}.condition", found, "when"),
            steps=self._steps(f"{path}.steps", found, "steps"),
            app_ids=self._texts(f"{path}.app_ids", found, "apps"),
            entitlement_ids=self._texts(f"{path}.entitlement_ids", found, "entitlements"),
        )

    def _field(self, path: str, found: Mapping[str, Node], key: str) -> str:
        """A text that a field of a message becomes, empty where there is none."""
        if key not in found:
            return ""
        self.places[path] = found[key].place
        return self._text(found[key])

    def _list(self, path: str, found: Mapping[str, Node], key: str) -> list[Node]:
        if key not in found:
            return []
        self.places[path] = found[key].place
        return self._items(found[key])

    def _texts(self, path: str, found: Mapping[str, Node], key: str) -> list[str]:
        items = self._list(path, found, key)
        self.places |= {f"{path}[{number}]": each.place for number, each in enumerate(items)}
        return [self._text(each) for each in items]

    def _steps(self, path: str, found: Mapping[str, Node], key: str) -> list[policy_pb2.Step]:
        return [
            self._step(f"{path}[{number}]", each)
            for number, each in enumerate(self._list(path, found, key))
        ]

    def _step(self, path: str, node: Node) -> policy_pb2.Step:
        self.places[path] = node.place
        made = policy_pb2.Step
        if isinstance(node, Text):
            if node.text == "accept":
                return made(accept=made.Accept())
            self._wrong(
                node.place, "must be accept, or one of accept, reject, approve, wait with :"
            )
            return _nothing()
        kinds: dict[str, Callable[[str, Node], policy_pb2.Step]] = {
            "accept": lambda at, of: made(
                accept=made.Accept(message=self._field(f"{at}.accept.message", {"": of}, ""))
            ),
            "reject": lambda at, of: made(
                reject=made.Reject(message=self._field(f"{at}.reject.message", {"": of}, ""))
            ),
            "approve": lambda at, of: made(approval=self._approval(f"{at}.approval", of)),
            "wait": lambda at, of: made(wait=self._wait(f"{at}.wait", of)),
        }
        found = self._entries(node, "", *kinds)
        if len(found) != 1:
            self._wrong(node.place, f"must be one of {', '.join(kinds)}")
            return _nothing()
        ((key, inner),) = found.items()
        return kinds[key](path, inner)

    def _approval(self, path: str, node: Node) -> policy_pb2.Step.Approval:
        self.places[path] = node.place
        approval = policy_pb2.Step.Approval()
        if not isinstance(node, Entries) or set(node.entries) == {"expression"}:
            approval.approvers.CopyFrom(self._approvers(f"{path}.approvers", node))
            return approval
        flags = (
            "reason_to_approve",
            "reason_to_deny",
            "distinct",
            "no_reassignment",
            "no_delegation",
        )
        found = self._entries(node, "by", "fallback", "needed", *flags, "time_limit")
        if "by" in found:
            approval.approvers.CopyFrom(self._approvers(f"{path}.approvers", found["by"]))
        else:
            approval.approvers.app_owners.SetInParent()
        if "fallback" in found:
            approval.fallback.CopyFrom(self._approvers(f"{path}.fallback", found["fallback"]))
        for flag in flags:
            if flag in found:
                setattr(approval, flag, self._truth(found[flag]))
        if "needed" in found:
            self._needed(approval, found["needed"])
            self.places[f"{path}.needed"] = found["needed"].place
        if "time_limit" in found:
            limit = self._time_limit(f"{path}.time_limit", found["time_limit"])
            approval.time_limit.CopyFrom(limit)
        return approval

    def _truth(self, node: Node) -> bool:
        if not isinstance(node, Text) or not node.plain or node.text not in ("true", "false"):
            self._wrong(node.place, "must be true or false")
            return False
        return node.text == "true"

    def _needed(self, approval: policy_pb2.Step.Approval, node: Node) -> None:
        text = node.text if isinstance(node, Text) else ""
        if text == "all":
            approval.all = True
        elif re.fullmatch(r"[1-9][0-9]{0,2}", text):
            approval.needed = int(text)
        else:
            self._wrong(node.place, "must be a number from 1, or all")

    def _time_limit(self, path: str, node: Node) -> policy_pb2.TimeLimit:
        self.places[path] = node.place
        limit = policy_pb2.TimeLimit()
        found = self._entries(node, "", "after", "then", "reassign", "escalate_to")
        after = _AN_HOUR
        if "after" in found:
            after = self._length(f"{path}.after", found["after"])
        else:
            self._wrong(node.place, "after is missing")
        limit.after.CopyFrom(after)
        then = {key: each for key, each in found.items() if key != "after"}
        if len(then) != 1:
            self._wrong(node.place, "must have one of then, reassign, escalate_to")
            limit.deny.SetInParent()
        elif "reassign" in then:
            limit.reassign.CopyFrom(self._approvers(f"{path}.reassign", then["reassign"]))
        elif "escalate_to" in then:
            at = f"{path}.escalate_to_policy_id"
            limit.escalate_to_policy_id = self._named(self._field(at, then, "escalate_to"))
        elif (text := self._text(then["then"])) == "remind":
            limit.remind.SetInParent()
        else:
            limit.deny.SetInParent()
            if text != "deny":
                self._wrong(then["then"].place, "must be remind or deny")
        return limit

    def _named(self, name: str) -> str:
        """What stands for a policy of which only the name is known."""
        for policy_id, other in self.escalations.items():
            if other == name:
                return policy_id
        policy_id = f"pol_of_the_document_{len(self.escalations)}"
        self.escalations[policy_id] = name
        return policy_id

    def _wait(self, path: str, node: Node) -> policy_pb2.Step.Wait:
        self.places[path] = node.place
        if isinstance(node, Text):
            return policy_pb2.Step.Wait(duration=self._length(f"{path}.duration", node))
        found = self._entries(node, "until timeout")
        timeout = found.get("timeout")
        return policy_pb2.Step.Wait(
            condition=self._field(f"{path}.condition", found, "until"),
            timeout=None if timeout is None else self._length(f"{path}.timeout", timeout),
        )

    def _length(self, path: str, node: Node) -> Duration:
        self.places[path] = node.place
        length = length_of_text(node.text) if isinstance(node, Text) else None
        if length is None:
            self._wrong(node.place, "must be a length of time, as 8h, 90m or 1d12h")
            return _AN_HOUR
        return duration(length)

    def _approvers(self, path: str, node: Node) -> policy_pb2.Approvers:
        self.places[path] = node.place
        made = policy_pb2.Approvers
        if isinstance(node, List):
            ids = self._texts(f"{path}.people.user_ids", {"": node}, "")
            return made(people=made.People(user_ids=ids))
        if isinstance(node, Entries):
            found = self._entries(node, "expression")
            return made(expression=self._field(f"{path}.expression", found, "expression") or "-")
        words: dict[str, Any] = {
            "app owners": {"app_owners": made.AppOwners()},
            "entitlement owners": {"entitlement_owners": made.EntitlementOwners()},
        }
        if node.text in words:
            return made(**words[node.text])
        if (manager := _MANAGER.fullmatch(node.text)) is not None:
            return made(manager=made.Manager(level=int(manager[1] or 1)))
        if node.text.startswith("grp_"):
            return made(group_members=made.GroupMembers(group_id=node.text))
        if node.text.startswith("usr_"):
            return made(people=made.People(user_ids=[node.text]))
        self._wrong(node.place, f"must be one of {_WHOM}")
        return made(app_owners=made.AppOwners())


def _nothing() -> policy_pb2.Step:
    """A step that nothing is wrong with, in place of one that has been found to be."""
    return policy_pb2.Step(accept=policy_pb2.Step.Accept())
