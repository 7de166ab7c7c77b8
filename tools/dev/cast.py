"""The people and the app of the simulated tenant that the demonstration is about."""

from dataclasses import dataclass

from libs.domain.callers import ADMIN, AUDITOR, CONNECTOR_ADMIN, POLICY_ADMIN
from tools.dev.issuer import Issuer

TENANT_ID = "eb13cdbd-e36e-49ae-b981-ad982fc931a1"
CLIENT_ID = "884ce7a5-f8fe-4ca4-a993-90fb9518c3ea"
CLIENT_SECRET = "simulator-connector-secret"
SECRET_NAME = "entra-client-secret"

APP = "Atelier"
SERVICE_PRINCIPAL_ID = "1d51c572-5b23-42af-9583-86c6a899a4a4"
VIEWERS_GROUP_ID = "c0bd383a-9649-47ee-a9e1-226228e60e1b"
EDITORS_GROUP_ID = "4ca4c642-6f98-4c7e-b44c-261114acf879"
ADMINS_GROUP_ID = "903f3339-b358-46dd-9a4d-741396ab5fe7"
DYNAMIC_GROUP_ID = "ad4d8eed-9f45-48cd-a8dd-3f92869efb10"


@dataclass(frozen=True, slots=True)
class Member:
    """A person of the tenant."""

    label: str
    name: str
    entra_object_id: str
    roles: tuple[str, ...] = ()

    def token(self, issuer: Issuer) -> str:
        """A token for this person from the local issuer."""
        return issuer.person(TENANT_ID, self.entra_object_id, self.name, roles=self.roles)


OPERATOR = Member(
    "admin",
    "Pavel Dvorak",
    "adac1211-44a6-45c3-8286-634165cdc5ce",
    (ADMIN, CONNECTOR_ADMIN, POLICY_ADMIN, AUDITOR),
)
REQUESTER = Member("nora", "Nora Eriksen", "6fe5e73b-7a84-4b03-b866-fcd69f3fd6d7")
COLLEAGUE = Member("diego", "Diego Fuentes", "e432d29a-7290-40a9-baba-bbfcdfae49e2")
EVERYBODY = (OPERATOR, REQUESTER, COLLEAGUE)
