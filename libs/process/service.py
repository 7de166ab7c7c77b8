"""What each of our services is built on, so that its `__main__` only says what is its own."""

import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from google.protobuf.message import Message
from sqlalchemy.exc import ArgumentError

from libs.audit.keys import KeyFile
from libs.db.clock import READ_EVERY_SECONDS, DatabaseClock
from libs.db.committer import Committer, EncodedFact
from libs.db.engine import Database
from libs.db.grants import WrongRole, warn_of_rights
from libs.db.heads import SIGN_EVERY_SECONDS, HeadSigner
from libs.db.ledger import Ledger
from libs.db.migrations import Migrations, SchemaMismatch
from libs.db.notices import Notices
from libs.db.writes import Writes
from libs.domain.changes import Fact
from libs.domain.clock import Clock
from libs.domain.errors import Unavailable
from libs.events.broker import Broker
from libs.events.consumer import Consumer, Follow
from libs.events.relay import Relay
from libs.ledger import servicers as ledger_servicers
from libs.ledger.chain import head_to_message
from libs.process import logs, trust
from libs.process.run import Life, run
from libs.process.settings import PREFIX, Settings, SettingsError, load
from libs.rpc.access import Row
from libs.rpc.certificates import Certificates
from libs.rpc.limits import Most
from libs.rpc.peers import Peer
from libs.rpc.server import ListenError, Server, Servicer
from libs.rpc.tokens import TokenFile

_FORGET_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Service:
    """The parts of a running service."""

    name: str
    settings: Settings
    life: Life
    clock: Clock
    database: Database
    ledger: Ledger
    committer: Committer
    writes: Writes
    notices: Notices
    broker: Broker
    credentials: Certificates | TokenFile | None
    """What the service shows the others that it calls."""
    audit_key: KeyFile

    @classmethod
    async def begin(
        cls,
        life: Life,
        settings: Settings,
        *,
        name: str,
        migrations: Migrations,
        ledger: Ledger,
        fact_to_message: Callable[[Fact], Message],
    ) -> "Service":
        """Starts everything but the server: logs, database, committer, outbox and its relay.

        Raises:
            SettingsError: there is no database of that URL's kind, or no certificate or key where
                the settings say.
            SchemaMismatch: the database is not in the form that this version needs.
            Unavailable: the database does not answer.
        """
        logs.configure(name, console=settings.log_format == "console")
        shown = trust.credentials(settings, name)
        key = _audit_key(settings)
        database = _open(settings)
        life.parts.push_async_callback(database.close)
        if settings.migrate:
            await migrations.apply(database, settings.database_role)
        await migrations.check(database)
        await warn_of_rights(database)
        clock = await DatabaseClock.begin(database)
        life.loop("clock", clock.read, every=READ_EVERY_SECONDS)
        broker = await life.parts.enter_async_context(
            Broker(
                settings.nats_url,
                name,
                password_file=settings.nats_password_file,
                ca_file=settings.nats_ca_file,
            )
        )
        relay = await life.parts.enter_async_context(Relay(database, ledger, broker))
        signer = HeadSigner(
            database,
            ledger,
            clock,
            key,
            name,
            lambda head: _encoded(head_to_message(head)),
            relay.wake,
        )
        # The last head is signed when the committer has ended, and goes out before the relay does.
        life.parts.push_async_callback(signer.sign_last)
        committer = await life.parts.enter_async_context(
            Committer(database, ledger, clock, lambda fact: _encoded(fact_to_message(fact)))
        )
        notices = Notices()
        committer.on_events(relay.committed)
        committer.on_commit(notices.tell)
        writes = Writes(database, ledger, committer)
        life.loop("forget", lambda: writes.forget(clock), every=_FORGET_SECONDS)
        life.loop("audit_heads", signer.sign, every=SIGN_EVERY_SECONDS)
        return cls(
            name,
            settings,
            life,
            clock,
            database,
            ledger,
            committer,
            writes,
            notices,
            broker,
            shown,
            key,
        )

    async def peer(self, name: str, address: str) -> Peer:
        """Another service, to be called as this one."""
        assert self.credentials is not None, "the settings let no address pass without credentials"
        return await self.life.parts.enter_async_context(Peer(name, address, self.credentials))

    async def follow(self, *follows: Follow) -> None:
        """Begins to follow events of other services."""
        for follow in follows:
            await self.life.parts.enter_async_context(
                Consumer(
                    service=self.name,
                    follow=follow,
                    broker=self.broker,
                    database=self.database,
                    ledger=self.ledger,
                    clock=self.clock,
                )
            )

    async def listen(self, servicers: Sequence[Servicer], access: Mapping[str, Row]) -> Server:
        """Begins to answer calls.

        Raises:
            SettingsError: there are no keys where the settings say, or the address is taken.
        """
        settings = self.settings
        server = Server(
            name=self.name,
            listen=settings.listen,
            servicers=[
                *servicers,
                *ledger_servicers.servicers(
                    self.name, self.database, self.ledger, self.clock, self.audit_key
                ),
            ],
            access={**access, **ledger_servicers.ACCESS},
            most=Most(settings.calls_per_second, settings.calls_at_once),
            verifier=await trust.verifier(settings, self.life),
            certificates=self.credentials if isinstance(self.credentials, Certificates) else None,
            service_listen=settings.service_listen,
        )
        try:
            return await self.life.parts.enter_async_context(server)
        except ListenError as error:
            key = "LISTEN" if error.listen == settings.listen else "SERVICE_LISTEN"
            raise SettingsError(f"{PREFIX}{key}: {error}") from error

    async def serve(self, servicers: Sequence[Servicer], access: Mapping[str, Row]) -> None:
        """Answers calls until the process is told to stop."""
        await self.listen(servicers, access)
        await self.life.serve(lambda: self.committer.failure)


def start(
    main: Callable[[Life], Awaitable[None]], kind: type[Settings], migrations: Migrations
) -> None:
    """The entry point of a service: `python -m services.<name>`, or with the word `migrate`.

    Wrong settings or words end it with status 2 and say what is wrong; a database that does not
    answer ends it with status 1.
    """
    try:
        if sys.argv[1:] == ["migrate"]:
            run(lambda _: _migrate(load(kind), migrations))
        elif not sys.argv[1:]:
            run(main)
        else:
            raise SettingsError(f"{' '.join(sys.argv[1:])}: the only word taken is migrate")
    except (SettingsError, SchemaMismatch, WrongRole) as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
    except Unavailable as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(1)


def _open(settings: Settings) -> Database:
    try:
        return Database.open(settings.database_url)
    except (ArgumentError, ValueError) as error:
        # Their texts hold pieces of the URL, and it holds a password.
        raise SettingsError(f"{PREFIX}DATABASE_URL: it is not the URL of a database") from error


def _audit_key(settings: Settings) -> KeyFile:
    file = settings.audit_key_file
    try:
        return KeyFile(file)
    except (OSError, ValueError) as error:
        raise SettingsError(f"{PREFIX}AUDIT_KEY_FILE: {file}: {error}") from error


async def _migrate(settings: Settings, migrations: Migrations) -> None:
    database = _open(settings)
    try:
        await migrations.apply(database, settings.database_role)
    finally:
        await database.close()


def _encoded(message: Message) -> EncodedFact:
    return EncodedFact(message.DESCRIPTOR.full_name, message.SerializeToString())
