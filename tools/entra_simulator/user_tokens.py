"""Access tokens of people for an API of the tenant's own: version 2.0, claims as in Microsoft's.

Nobody signs in here: whoever asks the control surface gets a token for any user, also one that no
login endpoint would issue. Source: Microsoft Learn, "Access token claims reference".
"""

from __future__ import annotations

import uuid
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa

from tools.entra_simulator.changes import GraphObject
from tools.entra_simulator.fields import Fields
from tools.entra_simulator.signing_keys import SigningKey, SigningKeys
from tools.entra_simulator.tenant import Tenant

_SECONDS = 3_600
_SIGNERS = ("current", "withdrawn", "foreign")


class UserTokens:
    """Issues them for one tenant."""

    def __init__(self, tenant: Tenant, keys: SigningKeys) -> None:
        self._tenant = tenant
        self._keys = keys

    def issue(self, document: Any, host: str) -> str:
        """The token that the document asks for. Raises `FieldError`, `KeyError`.

        `userId`, or `userPrincipalName`; `clientId`, through which they sign in; `audience`, the
        id of the API; `roles` and `scopes`. To issue wrongly: `claims` and `header` are put in
        place of the usual ones, null leaves one out; `key` is "current", "withdrawn" by a rotation,
        or "foreign", which nobody has ever published, under the id of the current one.
        """
        fields = Fields(document)
        user = self._user(fields)
        client_id, audience = fields.id("clientId"), fields.text("audience")
        roles, scopes = fields.words("roles", []), fields.words("scopes", ["access_as_user"])
        seconds = fields.number("seconds", _SECONDS)
        claims, header = fields.object("claims", {}), fields.object("header", {})
        signer = self._signer(fields)
        fields.close()
        now = int(self._tenant.clock().timestamp())
        usual = {
            "aud": audience,
            "iss": f"https://{host}/{self._tenant.id}/v2.0",
            "iat": now,
            "nbf": now,
            "exp": int(now + seconds),
            "azp": client_id,
            "azpacr": "0",
            "name": user["displayName"],
            "oid": user["id"],
            "preferred_username": user["userPrincipalName"],
            "scp": " ".join(scopes),
            "sub": uuid.uuid5(uuid.NAMESPACE_URL, f"{audience} {user['id']}").hex,
            "tid": self._tenant.id,
            "uti": uuid.uuid4().hex[:22],
            "ver": "2.0",
            # As Entra does: who has no role has no such claim.
            **({"roles": roles} if roles else {}),
        }
        wanted = {name: value for name, value in (usual | claims).items() if value is not None}
        return signer.sign(wanted, {"kid": signer.id, **header})

    def _user(self, fields: Fields) -> GraphObject:
        if "userId" in fields:
            return self._tenant.users[fields.id("userId")]
        name = fields.text("userPrincipalName")
        for user in self._tenant.users.values():
            if user["userPrincipalName"].lower() == name.lower():
                return user
        raise KeyError(f"user {name}")

    def _signer(self, fields: Fields) -> SigningKey:
        match fields.choice("key", _SIGNERS, "current"):
            case "withdrawn":
                if not self._keys.withdrawn:
                    raise fields.error("key", "none was withdrawn since the start")
                return self._keys.withdrawn[-1]
            case "foreign":
                foreign = SigningKey(rsa.generate_private_key(65537, 2048))
                foreign.id = self._keys.current.id
                return foreign
        return self._keys.current
