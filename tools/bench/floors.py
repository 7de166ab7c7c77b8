"""The floors: what everything underneath a house does at most, in the same minutes."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from tools.bench.asking import CREATE, asked, creation
from tools.bench.calls import Read, answer_of, echo_of
from tools.bench.drive import Drive, of
from tools.bench.figures import Figure
from tools.bench.stage import Stage
from tools.dev import cast
from tools.dev.cast import Member
from tools.dev.nats import NatsServer

ECHO, COMMIT, PUBLISH, GRAPH = "echo", "commit", "publish", "graph"
_ANOTHER_APP = "e0c95ae1-6730-4896-a9e3-6830121b519e"


class Floors:
    """The floors of one house, in the order in which they were measured."""

    def __init__(self, stage: Stage, drive: Drive, readers: Sequence[Member]) -> None:
        """`readers` are those who look at lists."""
        self.figures: list[Figure] = []
        self._stage = stage
        self._drive = drive
        self._readers = readers

    async def echoes(self, callers: Sequence[int], seconds: int, reads: Sequence[Read]) -> None:
        """The same messages, answered by a server that does nothing else."""
        requests = self._stage.house.address("requests")
        create = creation(self._stage, self._readers[0], self._stage.role)
        methods = [
            {
                "path": CREATE,
                "request": "latchkey.requests.v1.CreateAccessRequestRequest",
                "response": "latchkey.requests.v1.CreateAccessRequestResponse",
                "answer": (await self._created_answer(requests)).hex(),
            }
        ]
        for read in reads:
            token, message = asked(self._stage, read, self._readers)[0]
            answer = await answer_of(
                self._stage.house.address(read.service), read.path, token, message
            )
            methods.append(
                {
                    "path": read.path,
                    "request": read.request,
                    "response": read.response,
                    "answer": answer.hex(),
                }
            )
        async with echo_of(methods) as address:
            for number in callers:
                self.figures.append(
                    await self._drive.floor(
                        ECHO, "unary", number, of([create]), seconds, address=address, path=CREATE
                    )
                )
                for read in reads:
                    name = f"{ECHO} of {read.name}"
                    calls = asked(self._stage, read, self._readers)
                    self.figures.append(
                        await self._drive.again(name, number, address, read.path, calls, seconds)
                    )

    async def _created_answer(self, address: str) -> bytes:
        (member,) = self._stage.newcomers(1)
        token, message = creation(self._stage, member, self._stage.role)
        return await answer_of(address, CREATE, token, message)

    async def underneath(self, callers: Sequence[int], seconds: int, graph_calls: int) -> None:
        """What each part underneath does at most: the database, NATS, the directory."""
        url = self._stage.database_urls["requests"]
        row = "x" * 500
        # In the house's NATS nobody may have a stream of their own.
        with tempfile.TemporaryDirectory() as folder, NatsServer(Path(folder)) as nats:
            for number in callers:
                self.figures.append(
                    await self._drive.floor(
                        COMMIT, "commit", number, [row], seconds, database_url=url
                    )
                )
                self.figures.append(
                    await self._drive.floor(
                        PUBLISH, "publish", number, [row], seconds, nats_url=nats.url
                    )
                )
                self.figures.append(await self._graph(number, min(graph_calls, 20 * number + 40)))

    async def _graph(self, callers: int, count: int) -> Figure:
        stage = self._stage
        bodies = [
            {
                "principalId": member.entra_object_id,
                "resourceId": _ANOTHER_APP,
                "appRoleId": "00000000-0000-0000-0000-000000000000",
            }
            for member in stage.newcomers(count)
        ]
        return await self._drive.each_once(
            GRAPH,
            "graph",
            callers,
            bodies,
            url=stage.house.simulator_url,
            ca_file=str(stage.house.simulator_ca),
            path=f"/v1.0/servicePrincipals/{_ANOTHER_APP}/appRoleAssignedTo",
            token_path=f"/{cast.TENANT_ID}/oauth2/v2.0/token",
            form={
                "grant_type": "client_credentials",
                "client_id": cast.CLIENT_ID,
                "client_secret": cast.CLIENT_SECRET,
                "scope": "https://graph.microsoft.com/.default",
            },
        )
