"""Which operations go next, and which of them together."""

from hypothesis import given
from hypothesis import strategies as st

from services.connector.domain.operation import Lane, OperationKind
from services.connector.domain.wave import MOST_TOGETHER, SLOTS, Due, Parcel, next_wave


def _join(number: int, group: str = "g-1", lane: Lane = Lane.GRANT) -> Due:
    return Due(f"opr_join_{group}_{number:03}", f"p-{number}", OperationKind.ADD, lane, group)


def _assign(number: int, lane: Lane = Lane.GRANT) -> Due:
    return Due(f"opr_assign_{number:03}", f"p-{number}", OperationKind.ADD, lane)


def _leave(number: int, group: str = "g-1") -> Due:
    return Due(f"opr_leave_{number:03}", f"p-{number}", OperationKind.REMOVE, Lane.REVOKE, group)


def _ids(parcel: Parcel) -> list[str]:
    return [each.operation_id for each in parcel.operations]


def test_joins_of_one_group_are_one_write() -> None:
    """Up to twenty go together; the rest begins the next."""
    wave = next_wave([_join(number) for number in range(45)], writes=20, on_their_way=0)
    assert [(len(parcel.operations), parcel.writes) for parcel in wave.parcels] == [
        (20, 1),
        (20, 1),
        (5, 1),
    ]
    assert wave.writes == 3 and not wave.kept_back


def test_younger_joins_ride_along_when_the_tenant_lets_no_more_through() -> None:
    """With one write left twenty people join, though others waited longer for theirs."""
    due = [_join(0), _assign(1), *(_join(number) for number in range(2, 25))]
    wave = next_wave(due, writes=1, on_their_way=0)
    [parcel] = wave.parcels
    assert len(parcel.operations) == MOST_TOGETHER and parcel.writes == 1
    assert parcel.operations[0] == _join(0) and wave.kept_back


def test_what_does_most_for_a_write_goes_before_what_is_older() -> None:
    """With few writes most go to full joins, and some to the oldest, whatever it is."""
    due = [*(_assign(number) for number in range(50)), *(_join(number) for number in range(60))]
    wave = next_wave(due, writes=4, on_their_way=0)
    assert [len(parcel.operations) for parcel in wave.parcels] == [1, 20, 20, 20]
    assert wave.parcels[0].operations == (_assign(0),) and wave.kept_back


def test_leaving_is_never_one_write() -> None:
    """There is no call that removes many: each is its own write, in batches of twenty."""
    wave = next_wave([_leave(number) for number in range(25)], writes=100, on_their_way=0)
    assert [(len(parcel.operations), parcel.writes) for parcel in wave.parcels] == [
        (20, 20),
        (5, 5),
    ]


def test_lanes_go_in_their_order() -> None:
    """What takes access away first, then emergencies, then the oldest; whatever came first."""
    due = [_leave(1), _assign(2, Lane.EMERGENCY), _assign(3), _assign(4)]
    wave = next_wave(due, writes=3, on_their_way=0)
    assert [_ids(parcel) for parcel in wave.parcels] == [
        ["opr_leave_001"],
        ["opr_assign_002"],
        ["opr_assign_003"],
    ]
    assert wave.kept_back


def test_few_go_on_their_own_and_many_in_batches() -> None:
    """One person's two calls go side by side; from three on they share a request."""
    two = next_wave([_join(1), _assign(1)], writes=20, on_their_way=0)
    assert [_ids(parcel) for parcel in two.parcels] == [["opr_join_g-1_001"], ["opr_assign_001"]]
    three = next_wave([_join(1), _assign(1), _join(1, "g-2")], writes=20, on_their_way=0)
    [parcel] = three.parcels
    assert len(parcel.operations) == parcel.writes == 3


def test_calls_that_hang_keep_no_revocation_waiting() -> None:
    """What gives access leaves room for what takes it away."""
    due = [_leave(1), *(_assign(number) for number in range(2, 90))]
    wave = next_wave(due, writes=1000, on_their_way=SLOTS[Lane.GRANT])
    assert [_ids(parcel) for parcel in wave.parcels] == [["opr_leave_001"]]
    assert next_wave(due, writes=1000, on_their_way=SLOTS[Lane.REVOKE]).parcels == ()


_DUE = st.lists(
    st.builds(
        lambda number, group, lane: (
            (_leave(number, group) if lane is Lane.REVOKE else _join(number, group, lane))
            if group
            else _assign(number, lane)
        ),
        st.integers(0, 999),
        st.sampled_from(["", "g-1", "g-2", "g-3"]),
        st.sampled_from(list(Lane)),
    ),
    max_size=120,
    unique_by=lambda due: due.operation_id,
)


@given(due=_DUE, writes=st.integers(0, 60), on_their_way=st.integers(0, 9))
def test_a_wave_keeps_its_bounds(due: list[Due], writes: int, on_their_way: int) -> None:
    """Never more writes than may go, nor parcels than have room, nor anything twice; and while
    something is due and there is room, something goes."""
    due.sort(key=lambda each: [*Lane].index(each.lane))
    wave = next_wave(due, writes=writes, on_their_way=on_their_way)
    went = [each for parcel in wave.parcels for each in parcel.operations]
    assert len(went) == len(set(went)) and set(went) <= set(due)
    assert wave.writes <= writes
    for parcel in wave.parcels:
        assert 1 <= len(parcel.operations) <= MOST_TOGETHER
        assert {each.lane for each in parcel.operations} == {parcel.lane}
        groups = {each.joins for each in parcel.operations}
        assert parcel.writes == len(parcel.operations) or (parcel.writes == 1 and len(groups) == 1)
    for number, parcel in enumerate(wave.parcels):
        assert on_their_way + number < SLOTS[parcel.lane]
    if due and writes and on_their_way < SLOTS[due[0].lane]:
        assert due[0] in went
