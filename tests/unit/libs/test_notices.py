"""What those who watch a resource are told."""

from libs.db.notices import Notices
from libs.domain.callers import Service
from libs.domain.changes import AuditEntry, Change, Fact

_SOON = 0.001


def _change(resource_id: str, **after: object) -> Change:
    audit = AuditEntry(Service("test"), "tested", "other")
    return Change(audit, (), (Fact(resource_id, 1, None),), after=after)


async def test_a_watcher_is_told_what_became_of_it() -> None:
    """The last change says what the resource is, to its watchers only and once; where it does not
    say so, nor after the time is over, nothing is known."""
    notices = Notices()
    with notices.watch("one") as one, notices.watch("two") as two:
        notices.tell([_change("one", one="first"), _change("one", one="second")])
        assert await one.changed(at_most=60) == "second"
        assert await one.changed(at_most=_SOON) is None
        assert await two.changed(at_most=_SOON) is None
        notices.tell([_change("one", one="third"), _change("one")])
        assert await one.changed(at_most=60) is None
        notices.tell([_change("two", two="first")])
        assert await two.changed(at_most=60) == "first"
