"""What `make up` says: where things are, who you can be, and what to try first."""

from pathlib import Path

from tools.dev import cast
from tools.dev.client import Client
from tools.dev.detached import Running
from tools.dev.guide import Guide
from tools.dev.issuer import Issuer


async def connect_tenant(found: Running, issuer: Issuer) -> None:
    """Connects the simulated tenant and syncs it, once, so that there is something to look at."""
    token = cast.OPERATOR.token(issuer)
    async with Client(found.addresses, token) as operator:
        guide = Guide(operator, operator)
        connection = await guide.connect()
        sync = await guide.start_sync(connection.connection_id)
        async for _ in guide.watch_sync(sync.sync_id):
            continue


def write_tokens(folder: Path, issuer: Issuer) -> dict[str, str]:
    """A token for each of the cast, also as files, by label."""
    tokens = {member.label: member.token(issuer) for member in cast.EVERYBODY}
    (folder / "tokens").mkdir(exist_ok=True)
    for label, token in tokens.items():
        file = folder / "tokens" / label
        file.touch(mode=0o600)
        file.write_text(token)
    return tokens


def commands(found: Running, folder: Path) -> list[tuple[str, str, str]]:
    """Three things to try: what for, with grpcurl, and with buf."""
    tries = [
        (
            "the tenant's apps, as the operator",
            "catalog",
            "latchkey.catalog.v1.AppService/ListApps",
            "admin",
            '{"pageSize": 5}',
        ),
        (
            f"the app catalog of {cast.REQUESTER.name} (empty until an app is made self-service)",
            "catalog",
            "latchkey.catalog.v1.AppCatalogService/SearchAppCatalog",
            "nora",
            "{}",
        ),
        (
            "the syncs so far",
            "connector",
            "latchkey.connector.v1.SyncService/ListSyncs",
            "admin",
            "{}",
        ),
    ]
    return [
        (
            what,
            f'grpcurl -plaintext -H "authorization: Bearer $(cat {folder}/tokens/{who})" '
            f"-d '{body}' {found.addresses[service]} {method}",
            ".venv/bin/buf curl --protocol grpc --http2-prior-knowledge "
            f'-H "authorization: Bearer $(cat {folder}/tokens/{who})" '
            f"--reflect-header '*' -d '{body}' http://{found.addresses[service]}/{method}",
        )
        for what, service, method, who, body in tries
    ]


def welcome(found: Running, folder: Path, tokens: dict[str, str]) -> str:
    """The whole text."""
    lines = [
        "The house is up. It stays up until `make down`, and keeps its state for the next time."
    ]
    lines += [
        "",
        "FOR DEVELOPMENT ONLY: plaintext on loopback, and a local issuer that signs for anybody.",
        "Addresses",
    ]
    lines += [f"  {service:10} {address}" for service, address in found.addresses.items()]
    lines += [f"  {'nats':10} {found.nats_url}", f"  {'entra':10} {found.simulator_url}"]
    lines += ["", f"Who you can be (also as files in {folder}/tokens)"]
    for member in cast.EVERYBODY:
        roles = ", ".join(role.removeprefix("Latchkey.") for role in member.roles) or "no role"
        lines += [f"  {member.label}: {member.name}, {roles}", f"    {tokens[member.label]}"]
    lines += ["", "To try, with grpcurl or with buf"]
    for what, grpcurl, buf in commands(found, folder):
        lines += [f"  # {what}", f"  {grpcurl}", f"  {buf}"]
    lines += ["", f"Logs: {folder}/house.log. The guide's five steps, told: `make demo`."]
    return "\n".join(lines)
