"""Whatever is sent to a method, by whomever, the answer is one that the contracts know."""

import pytest

from tests.e2e.conftest import Ready
from tests.e2e.doors import check, known_of, try_every_method

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize("service", ["requests", "policy", "connector", "catalog"])
async def test_every_method_answers_bad_input_in_the_words_of_its_contract(
    ready: Ready, service: str
) -> None:
    """Every method, sent some sixty odd bytes and messages by all who might call; two thousand
    in `make soak-bad-input`."""
    seed = f"bad input for {service}"
    known = await known_of(ready)
    check(await try_every_method(ready, service, known, of_bytes=4, of_messages=10, seed=seed))
