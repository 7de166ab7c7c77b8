"""The audit chain of a running service: listed, verified, exported, and kept from the service."""

import asyncio
import io
import os
import sys
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import pytest
from sqlalchemy import Connection, Executable, text

from latchkey.ledger.v1 import audit_pb2, audit_pb2_grpc
from libs.db.__main__ import migrate
from libs.db.engine import Database
from libs.domain.callers import ADMIN, AUDITOR, POLICY_ADMIN
from libs.rpc import errors
from tests.integration.policy.house import PolicyHouse, a_policy, refusal
from tests.support.eventually import eventually
from tests.support.postgres import PostgresServer
from tools.audit.__main__ import main
from tools.audit.export import export as take
from tools.audit.lines import written
from tools.dev.child import ROOT


def _stub(house: PolicyHouse) -> audit_pb2_grpc.AuditServiceStub:
    return audit_pb2_grpc.AuditServiceStub(house.channel)


async def _tool(*words: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tools.audit", *words),
        cwd=ROOT,
        env={k: v for k, v in os.environ.items() if not k.startswith("LATCHKEY_")},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


def _verified(*words: str) -> tuple[int, str]:
    with redirect_stdout(io.StringIO()) as out:
        return main(["verify", *words]), out.getvalue()


def _execute(statement: Executable, connection: Connection) -> None:
    connection.execute(statement)


async def _beside(house: PolicyHouse, *statements: str) -> None:
    """Does what somebody does who has the database, triggers and all."""
    for statement in statements:
        await house.service.database.write(partial(_execute, text(statement)))


async def _unprotect(house: PolicyHouse) -> None:
    for table in ("audit_records", "audit_heads"):
        if house.service.settings.database_url.startswith("sqlite"):
            await _beside(
                house, *(f"DROP TRIGGER {table}_not_{what}" for what in ("updated", "deleted"))
            )
        else:
            await _beside(house, f"DROP TRIGGER {table}_only_added ON {table}")


async def test_the_way_of_a_chain(database_url: str, nats_url: str, tmp_path: Path) -> None:
    """A head is signed when the service ends, and published; the chain is listed and verified by
    auditors; an export of it is verified with the public key alone. Then somebody cuts off its end
    in the database, heads and all: VerifyAudit and the export can't know, and whoever kept the
    heads of the event stream does."""
    async with PolicyHouse.open(database_url, nats_url, tmp_path) as house:
        for name in ("One", "Two", "Three"):
            await house.create(a_policy(name))
    export, kept = tmp_path / "audit.jsonl", tmp_path / "heads.jsonl"
    public = str(tmp_path / "issuer" / "policy.audit.pub")
    token = tmp_path / "token"
    async with PolicyHouse.open(database_url, nats_url, tmp_path) as house:
        auditor: Any = {"metadata": house.as_person(AUDITOR)}
        listed = await _stub(house).ListAuditHeads(audit_pb2.ListAuditHeadsRequest(), **auditor)
        assert [head.sequence for head in listed.audit_heads][-1] == 3
        await house.create(a_policy("Four"))
        found = await _stub(house).VerifyAudit(audit_pb2.VerifyAuditRequest(), **auditor)
        assert (found.intact, found.record_count, found.signed_sequence) == (True, 4, 3)

        one = audit_pb2.ListAuditRecordsRequest(page_size=1, after_sequence=2)
        page = await _stub(house).ListAuditRecords(one, **auditor)
        assert [record.sequence for record in page.audit_records] == [3]
        one.page_token = page.next_page_token
        page = await _stub(house).ListAuditRecords(one, **auditor)
        assert [record.sequence for record in page.audit_records] == [4]
        assert not page.next_page_token
        for request in (
            audit_pb2.ListAuditHeadsRequest(after_sequence=-1),
            audit_pb2.ListAuditHeadsRequest(page_token="x"),
            audit_pb2.ListAuditHeadsRequest(page_size=501),
        ):
            with pytest.raises(grpc.aio.AioRpcError) as raised:
                await _stub(house).ListAuditHeads(request, **auditor)
            assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        for method in ("ListAuditHeads", "VerifyAudit"):
            request = getattr(audit_pb2, f"{method}Request")()
            with pytest.raises(grpc.aio.AioRpcError) as raised:
                await getattr(_stub(house), method)(request, metadata=house.as_person(POLICY_ADMIN))
            assert raised.value.code() is grpc.StatusCode.PERMISSION_DENIED

        token.write_text(house.issuer.named("Audra", [AUDITOR]))
        taking = ["export", "--address", house.address, "--token-file", str(token)]
        status, out, err = await _tool(*taking)
        assert (status, err) == (0, "")
        export.write_text(out)
        whole = [str(export), "--key", public, "--service", "policy"]
        assert _verified(*whole) == (
            0,
            "intact: 4 records, 1 heads, signed up to record 3\n",
        )

        async def anchored() -> bool:
            status, out, _ = await _tool("anchor", "--nats", nats_url, "--service", "policy")
            kept.write_text(out)
            return status == 0 and bool(out)

        await eventually(anchored, 20)
        await _unprotect(house)
        await _beside(
            house,
            "DELETE FROM audit_records WHERE sequence > 1",
            "DELETE FROM audit_heads",
            "UPDATE ledger_head SET audit_sequence = 1, audit_hash = "
            "(SELECT hash FROM audit_records WHERE sequence = 1)",
        )
        found = await _stub(house).VerifyAudit(audit_pb2.VerifyAuditRequest(), **auditor)
        assert (found.intact, found.record_count) == (True, 1)
        lines = [f"{written(line)}\n" async for line in take(house.channel, token.read_text())]
        export.write_text("".join(lines))
        assert _verified(*whole)[0] == 0
        status, out = _verified(*whole, "--heads", str(kept))
        assert status == 1
        assert "truncated: the end of the chain is missing, from record 2 on" in out
        assert "missing: head 3, kept elsewhere, is missing" in out

        await _beside(house, "UPDATE audit_records SET reason = 'x', actor = 'nobody'")
        found = await _stub(house).VerifyAudit(audit_pb2.VerifyAuditRequest(), **auditor)
        assert not found.intact
        assert (found.first_broken_sequence, found.problem) == (
            1,
            "record 1 is not as it was written",
        )
        (problem,) = found.problems
        assert problem.kind == audit_pb2.AUDIT_PROBLEM_KIND_EDITED
        assert problem.subject == audit_pb2.AUDIT_PROBLEM_SUBJECT_RECORD
        every = audit_pb2.ListAuditRecordsRequest()
        (record,) = (await _stub(house).ListAuditRecords(every, **auditor)).audit_records
        assert (record.actor_json, record.HasField("actor")) == ("nobody", False)


async def test_who_does_not_answer_is_named(tmp_path: Path) -> None:
    """Status 2 and a sentence."""
    token = tmp_path / "token"
    token.write_text("x")
    for words, says in (
        (("export", "--address", "127.0.0.1:1", "--token-file", str(token)), "UNAVAILABLE"),
        (("anchor", "--nats", "nats://127.0.0.1:1", "--service", "policy"), "does not answer"),
    ):
        status, out, err = await _tool(*words)
        assert (status, out) == (2, ""), words
        assert says in err and "Traceback" not in err


async def test_no_audit_no_change(house: PolicyHouse) -> None:
    """Where the database takes no audit record the caller is told of a fault, and nothing was done;
    when it does again the same call with the same key is."""
    for statement in (
        ["CREATE TRIGGER full BEFORE INSERT ON audit_records BEGIN SELECT RAISE(ABORT, 'no'); END"]
        if house.service.settings.database_url.startswith("sqlite")
        else [
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'no'; END $$",
            "CREATE TRIGGER full_ BEFORE INSERT ON audit_records EXECUTE FUNCTION refuse()",
        ]
    ):
        await _beside(house, statement)
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await house.create(a_policy("Never"), "key")
    assert raised.value.code() is grpc.StatusCode.INTERNAL
    assert errors.error_info(raised.value).reason == "INTERNAL"
    before = await house.call("ListPolicies", ADMIN)
    assert "Never" not in [policy.display_name for policy in before.policies]
    sqlite = house.service.settings.database_url.startswith("sqlite")
    await _beside(house, "DROP TRIGGER full" if sqlite else "DROP TRIGGER full_ ON audit_records")
    made = await house.create(a_policy("Never"), "key")
    assert made.display_name == "Never"
    await refusal(
        house.create(a_policy("Other"), "key"),
        grpc.StatusCode.INVALID_ARGUMENT,
        "IDEMPOTENCY_KEY_REUSED",
    )


async def test_a_service_needs_no_more_than_its_role_may(
    postgres_server: PostgresServer, nats_url: str, tmp_path: Path
) -> None:
    """As a role that may only read and add audit records it does all that it has to: commits, and
    signs heads."""
    postgres_server.create_role("latchkey_service")
    name = postgres_server.create_database()
    try:
        await migrate({"policy": postgres_server.url(name)}, {"policy": "latchkey_service"})
        url = postgres_server.url(name, "latchkey_service")
        async with PolicyHouse.open(url, nats_url, tmp_path) as house:
            await house.create(a_policy())
        database = Database.open(url)
        heads = text("SELECT sequence FROM audit_heads")
        assert await database.read(lambda c: c.execute(heads).scalars().all()) == [1]
        await database.close()
    finally:
        postgres_server.drop_database(name)
