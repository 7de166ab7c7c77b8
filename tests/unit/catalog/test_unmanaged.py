"""What is told of access from outside Latchkey."""

from services.catalog.domain.unmanaged import Unmanaged, found


def test_one_fact_for_each_part_names_a_hundred() -> None:
    """However many hold it, the event stays small and says how many they are."""
    people = [Unmanaged("ent_1", "den_1", f"usr_{n:03}", "app_1", 7) for n in range(150)]
    facts = found([*people, Unmanaged("ent_1", "den_2", "usr_000", "app_1", 7)])
    first, second = (fact.body for fact in facts)
    assert (len(first.user_ids), first.user_count) == (100, 150)  # type: ignore[attr-defined]
    assert (second.user_ids, second.user_count) == (("usr_000",), 1)  # type: ignore[attr-defined]
    assert {(fact.resource_id, fact.resource_version) for fact in facts} == {("ent_1", 7)}
