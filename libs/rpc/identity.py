"""Who makes a call, and for whom: from the certificate, the token, and the token passed on.

`authorization: Bearer …` names a caller without a certificate. Where services have certificates, a
service is who its certificate says and sends no such header. What a service does in a person's call
it does with that person's token beside its own identity, in `x-latchkey-person`: both must be good.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from libs.domain.callers import Caller, Person, Service
from libs.domain.errors import Unauthenticated
from libs.rpc.certificates import service_of
from libs.rpc.tokens import Verifier

PERSON_KEY = "x-latchkey-person"
# The certificate of people at a command line. It opens the door and names nobody.
OPERATOR = "operator"


@dataclass(slots=True)
class Acting:
    """Who makes a call. `token` is that of the person behind it, while the call lasts; `ends` is
    when it is good no more, in seconds since 1970."""

    caller: Caller
    person: Person | None = None
    token: str | None = None
    ends: float | None = None


_acting: ContextVar[Acting | None] = ContextVar("acting", default=None)


def begin(acting: Acting | None) -> None:
    """Notes who makes the current call."""
    _acting.set(acting)


def end(acting: Acting | None) -> None:
    """From now on nothing that the call has left running speaks for its person."""
    if acting is not None:
        acting.token = None


def caller() -> Caller:
    """Who makes the current call.

    Raises:
        Unauthenticated: nobody, which only methods without a token see.
    """
    if (found := _acting.get()) is None:
        raise Unauthenticated("there is no token")
    return found.caller


def passed_on() -> tuple[tuple[str, str], ...]:
    """The metadata that passes on the person of the current call; nothing where there is none."""
    found = _acting.get()
    return () if found is None or found.token is None else ((PERSON_KEY, found.token),)


class Identities:
    """Finds out who calls one server."""

    def __init__(self, verifier: Verifier, trust_domain: str | None = None) -> None:
        """`trust_domain` is that of the clients' certificates, where there are any."""
        self._verifier = verifier
        self._trust_domain = trust_domain

    async def of(
        self, metadata: Sequence[Any], peer: Mapping[str, Iterable[bytes]] | None
    ) -> Acting:
        """Who calls, by metadata and by what is known of the connection's other end.

        Raises:
            Unauthenticated: nobody we know, or a person is named who is nobody we know.
            Unavailable: whether it is somebody can't be told at the moment.
        """
        headers = [value for key, value in metadata or () if key == "authorization"]
        persons = [value for key, value in metadata or () if key == PERSON_KEY]
        shown = self._shown(peer)
        if shown is not None and (shown != OPERATOR or not headers):
            if headers:
                raise Unauthenticated("a service with a certificate sends no token of its own")
            caller: Caller = Service(shown)
        else:
            token = _only(headers)
            caller = await self._verifier.verify(token)
            if isinstance(caller, Person):
                if persons:
                    raise Unauthenticated("only services call for somebody else")
                return Acting(caller, caller, token, self._verifier.ends(token))
        if not persons:
            return Acting(caller)
        return await self._for_a_person(caller, persons)

    async def _for_a_person(self, caller: Caller, persons: list[object]) -> Acting:
        token = persons[0]
        if len(persons) != 1 or not isinstance(token, str):
            raise Unauthenticated.for_another("there is more than one person")
        try:
            person = await self._verifier.verify(token)
        except Unauthenticated as error:
            raise Unauthenticated.for_another(error.facts["problem"]) from error
        if not isinstance(person, Person):
            raise Unauthenticated.for_another("the token is not a person's")
        return Acting(caller, person, token, self._verifier.ends(token))

    def _shown(self, peer: Mapping[str, Iterable[bytes]] | None) -> str | None:
        """The name in the certificate that was shown; None when none was asked for."""
        if self._trust_domain is None or peer is None or "x509_pem_cert" not in peer:
            return None
        ids = [each.decode(errors="replace") for each in peer.get("peer_spiffe_id", ())]
        return service_of(ids, self._trust_domain)


def _only(headers: list[object]) -> str:
    if len(headers) != 1:
        raise Unauthenticated("there is more than one token" if headers else "there is no token")
    header = headers[0]
    if not isinstance(header, str) or not header.lower().startswith("bearer "):
        raise Unauthenticated("the authorization is not a bearer token")
    return header[7:]
