"""One Graph call from the caller's token to the journal.

    authenticate, choose the route, authorise, charge, strike instead, handle, strike after, journal

Nothing in here waits, so calls do not interleave.
"""

from __future__ import annotations

import logging
import random
import uuid
from collections.abc import Callable
from typing import Any

from tools.entra_simulator.behaviour import Behaviour
from tools.entra_simulator.delta import DeltaQueries
from tools.entra_simulator.errors import GraphError, Refusal
from tools.entra_simulator.fault_kinds import Connection, Moment
from tools.entra_simulator.fault_rules import Strike
from tools.entra_simulator.faults import Faults
from tools.entra_simulator.graph.batch import carry_out
from tools.entra_simulator.graph.call import Answer, GraphCall
from tools.entra_simulator.graph.exchange import Asked, Reply
from tools.entra_simulator.graph.replies import refused, reply, struck, throttled
from tools.entra_simulator.graph.routes import GraphRoute
from tools.entra_simulator.graph.routing import Routing
from tools.entra_simulator.journal import Call, Journal
from tools.entra_simulator.odata import QueryOptions, parse_options
from tools.entra_simulator.permissions import REQUIRED, allows
from tools.entra_simulator.quota import Quota
from tools.entra_simulator.replicas import Replicas
from tools.entra_simulator.tenant import Tenant
from tools.entra_simulator.tokens import Caller, Tokens

_LOG = logging.getLogger(__name__)

# What refused calls cost nothing, as measured by others in the field.
_FREE = (400, 403)
_BATCH = "/$batch"

# Method, path below the version with its query, the body asked with, status, body answered.
OnExchange = Callable[[str, str, bytes, int, Any], None]


class GraphService:
    """Microsoft Graph for one tenant, below HTTP."""

    def __init__(
        self,
        tenant: Tenant,
        tokens: Tokens,
        journal: Journal,
        behaviour: Behaviour,
        faults: Faults,
        quota: Quota,
        replicas: Replicas,
        on_exchange: OnExchange | None = None,
    ) -> None:
        self._tenant = tenant
        self._tokens = tokens
        self._journal = journal
        self._behaviour = behaviour
        self._faults = faults
        self._quota = quota
        self._replicas = replicas
        self._on_exchange = on_exchange
        self._routing = Routing()
        self._delta_queries = DeltaQueries(behaviour)
        self._chance = random.Random(behaviour.seed)

    def answer(self, asked: Asked) -> Reply:
        """The answer to a call that now stands in the journal.

        A batch is journalled before its items, so that they can name it by its number.
        """
        call = Call(
            source="graph",
            method=asked.method,
            path=f"/{asked.version}{asked.path_and_query}",
            request_id=str(uuid.uuid4()),
            client_request_id=asked.headers.get("client-request-id"),
            batch=asked.batch,
        )
        answer: Answer | None = None
        try:
            answer, answered = self._carry_out(asked, call)
        except GraphError as error:
            answered = refused(asked, call, error, self._tenant.clock())
        except Exception:
            _LOG.exception("%s %s failed", call.method, call.path)
            call.error_code = "InternalServerError"
            answered = reply(call, 500, {"error": {"code": call.error_code}})
        broken = answered.connection in (Connection.RESET, Connection.HANG)
        call.status = None if broken else answered.status
        self._journal.append(call)
        if answer is not None and answer.batch is not None:
            number = self._journal.last_number
            late = [answered.seconds]

            def answer_item(item: Asked) -> Reply:
                reply = self.answer(item)
                late.append(reply.seconds)
                return reply

            responses = carry_out(answer.batch, asked, number, answer_item, self._chance)
            # A batch is answered when the last of its items is.
            answered.seconds = max(late)
            if answered.body is answer.body:
                answered.body = {"responses": responses}
        # A batch is told with its items.
        if self._on_exchange is not None and asked.batch is None and not broken:
            told = (asked.content, answered.status, answered.body)
            self._on_exchange(asked.method, asked.path_and_query, *told)
        return answered

    def _carry_out(self, asked: Asked, call: Call) -> tuple[Answer | None, Reply]:
        caller = self._tokens.check(asked.headers.get("authorization", ""))
        call.client_app_id = caller.app_id
        route, parameters = self._routing.choose(asked.method, asked.path)
        if route.template == _BATCH and asked.batch is not None:
            raise GraphError(Refusal.UNKNOWN_SEGMENT, segment="$batch")
        if not allows(REQUIRED[route.method, route.template], caller.granted):
            raise GraphError(Refusal.INSUFFICIENT_PRIVILEGES)
        options = parse_options(asked.query, asked.headers, route.options)
        units, writes = _cost(route, options), int(route.writes)
        app_id = caller.app_id
        if limit := self._quota.admit(
            app_id, units=units, writes=writes, method=asked.method, path=asked.path
        ):
            return None, throttled(
                call,
                limit,
                self._tenant.clock(),
                app_id,
                in_directorys_words=self._behaviour.throttled_in_directorys_words,
            )
        strike = self._faults.strike(
            asked.method, asked.path_and_query, in_batch=asked.batch is not None
        )
        if strike is not None:
            call.fault = strike.kind
            if strike.moment is Moment.INSTEAD:
                self._quota.refund(app_id, units=units, writes=writes)
                return None, self._spoiled(asked, call, strike, app_id)
        answer: Answer | None = None
        try:
            answer = self._handle(asked, call, caller, route, parameters, options)
        except GraphError as error:
            if error.status in _FREE:
                self._quota.refund(app_id, units=units, writes=writes)
            if strike is None:
                raise
            own = refused(asked, call, error, self._tenant.clock())
        else:
            own = reply(call, answer.status, answer.body, units)
            own.headers.update(answer.headers)
            if (percentage := self._quota.percentage(app_id)) is not None:
                own.headers["x-ms-throttle-limit-percentage"] = f"{percentage:.1f}"
        if strike is None:
            return answer, own
        return answer, self._spoiled(asked, call, strike, app_id, own)

    def _handle(
        self,
        asked: Asked,
        call: Call,
        caller: Caller,
        route: GraphRoute,
        parameters: object,
        options: QueryOptions,
    ) -> Answer:
        body = None
        if route.method in ("POST", "PATCH"):
            body = asked.json()
            # A batch's items are journalled one by one; its headers may hold a token.
            call.body = None if route.template == _BATCH else body
        self._tenant.enforce_schedules()
        return route.handler(
            GraphCall(
                tenant=self._tenant,
                directory=self._replicas.pick(),
                behaviour=self._behaviour,
                caller=caller,
                root=asked.root,
                path=asked.path,
                parameters=parameters,  # type: ignore[arg-type]
                query=asked.query,
                headers=asked.headers,
                options=options,
                body=body,
                changes=call.changes,
                delta_queries=self._delta_queries,
            )
        )

    def _spoiled(
        self, asked: Asked, call: Call, strike: Strike, app_id: str, own: Reply | None = None
    ) -> Reply:
        if strike.connection is Connection.OWN and own is not None:
            spoiled = own
            if strike.same_next_link and "@odata.nextLink" in (own.body or {}):
                own.body = {**own.body, "@odata.nextLink": asked.address}
        elif strike.status == 429 and strike.connection is Connection.ANSWER:
            wait = strike.headers.get("Retry-After")
            spoiled = throttled(
                call,
                self._quota.throttled(app_id, int(wait) if wait else None, "CPULimitExceeded"),
                self._tenant.clock(),
                app_id,
                in_directorys_words=self._behaviour.throttled_in_directorys_words,
            )
        else:
            spoiled = struck(asked, call, strike, self._tenant.clock())
            spoiled.connection = strike.connection
        spoiled.seconds = strike.seconds
        if strike.status == 429 and (wait := strike.headers.get("Retry-After")) is not None:
            self._quota.told_to_wait(
                app_id, float(wait), writes_only=False, information=strike.kind
            )
        return spoiled


def _cost(route: GraphRoute, options: QueryOptions) -> int:
    """Resource units."""
    if not route.resource_units:
        return 0
    units = route.resource_units
    units -= options.select is not None
    units -= options.top is not None and options.top < 20
    units += options.expand is not None
    return max(units, 1)
