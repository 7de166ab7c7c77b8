"""EvaluatePolicy is not far from a server that does nothing but answer."""

import time
from pathlib import Path

from tests.integration.policy.echo import calls, echo, many_rules, question
from tests.integration.policy.house import PolicyHouse

_CALLS = 200
_ROUNDS = 4


async def test_an_evaluation_is_not_far_from_an_echo(
    sqlite_url: str, nats_url: str, tmp_path: Path
) -> None:
    """A call takes less than twice the processor time of an echo of the same messages, client and
    all. The soak in tests/soak/soak_policy.py measures the service alone, and asks more of it."""
    async with PolicyHouse.open(sqlite_url, nats_url, tmp_path) as house:
        policy_id = (await house.create(many_rules(20))).policy_id
        questions = [question(policy_id, number % 19) for number in range(_CALLS)]
        plan = await house.evaluate(policy_id, questions[0].facts)
        token = house.as_service("requests")
        spent: dict[int, list[float]] = {}
        async with echo(house, plan) as port:
            for _ in range(_ROUNDS):
                for each in (port, house.port):
                    began = time.process_time()
                    await calls(each, token, questions)
                    spent.setdefault(each, []).append(time.process_time() - began)
        assert min(spent[port]) / min(spent[house.port]) > 0.5
