"""Heads of the audit chain: signed once, published, with a key that may be replaced."""

import asyncio
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from latchkey.policy.v1 import events_pb2
from libs.audit.keys import KeyFile, key_id_of
from libs.audit.problems import Kind, Verification
from libs.db import audit
from libs.db.engine import Database
from libs.ledger.chain import head_of
from tests.fakes.clock import MachineClock
from tests.integration.libs.chains import chained_from, signing, verified, write
from tests.integration.libs.things import (
    add,
    assert_numbered,
    committing,
    ledger,
    rows,
)
from tests.support import chain

HEADS = ledger.audit_heads


async def test_an_empty_chain_is_intact(database: Database, key_file: Path) -> None:
    """Where nothing was done nothing is missing, and nothing is signed."""
    await signing(database, key_file).sign()
    assert await verified(database, key_file) == Verification(0)


async def test_heads_are_signed_once_and_published(database: Database, key_file: Path) -> None:
    """However often and by however many replicas: one head where records were added, none where
    none were; each is an event of the same content, and names the one before."""
    told: list[int] = []
    signers = [signing(database, key_file, lambda: told.append(1)) for _ in range(2)]
    async with committing(database) as committer:
        await committer.commit(add("a"))
        await asyncio.gather(*(signer.sign() for signer in signers))
        await signers[0].sign()
        await committer.commit(add("b"))
        await committer.commit(add("c"))
        await signers[1].sign_last()
    heads = [audit.head_of(row) for row in await rows(database, HEADS)]
    assert [(it.sequence, it.previous_sequence) for it in heads] == [(1, 0), (3, 1)]
    assert len(told) == 2
    events = [row for row in await rows(database, ledger.outbox) if row["type"] == "a head"]
    sent = [events_pb2.AuditHeadSigned.FromString(row["payload"]).head for row in events]
    assert [head_of(message) for message in sent] == heads
    assert [(row["resource_id"], row["resource_version"]) for row in events] == [
        ("policy", 1),
        ("policy", 3),
    ]
    await assert_numbered(database)
    assert await verified(database, key_file) == Verification(3, 2, 3)


async def test_a_key_is_replaced_while_it_is_used(database: Database, key_file: Path) -> None:
    """The next head is signed with the new one; older heads are checked with the former ones that
    the file has; a file that is broken for a moment changes nothing."""
    signer = signing(database, key_file)
    async with committing(database) as committer:
        await committer.commit(add("a"))
        await signer.sign()
        key_file.write_bytes(chain.key_pem()[:50])
        await committer.commit(add("b"))
        with structlog.testing.capture_logs() as logs:
            await signer.sign()
        assert {log["event"] for log in logs} == {"audit_key_unreadable"}
        key_file.write_bytes(chain.key_pem(2, 1))
        await committer.commit(add("c"))
        await signer.sign()
    used = [row["key_id"] for row in await rows(database, HEADS)]
    first, second = (key_id_of(chain.signing_key(n).public_key()) for n in (1, 2))
    assert used == [first, first, second]
    assert (await verified(database, key_file)).intact
    key_file.write_bytes(chain.key_pem(2))
    found = await verified(database, key_file)
    assert [(it.kind, it.sequence) for it in found.problems] == [
        (Kind.FOREIGN, 1),
        (Kind.FOREIGN, 2),
    ]


async def test_a_rewritten_chain_is_reported_when_it_is_signed(
    database: Database, key_file: Path
) -> None:
    """Nobody has to ask: the next minute says that what was signed is no longer there."""
    signer = signing(database, key_file)
    async with committing(database) as committer:
        await write(committer, 5)
        await signer.sign()
        await database.write(chained_from(3, 3))
        await committer.commit(add("a"))
        with structlog.testing.capture_logs() as logs:
            await signer.sign()
    assert [log["event"] for log in logs] == ["audit_chain_differs"]


async def test_missing_heads_are_a_problem_after_a_while(
    database: Database, key_file: Path
) -> None:
    """Records that are older than a few minutes have to be signed; younger ones do not yet."""
    async with committing(database) as committer:
        await write(committer, 3)
    assert (await verified(database, key_file)).intact

    class Later(MachineClock):
        def now(self) -> datetime:
            return super().now() + timedelta(minutes=10)

    keys = KeyFile(key_file).public_keys
    found = await audit.verify(database, ledger, keys, "policy", Later())
    assert [(it.kind, it.sequence, it.last_sequence) for it in found.problems] == [
        (Kind.UNSIGNED, 1, 3)
    ]
