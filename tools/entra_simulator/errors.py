"""Every refusal of the login endpoint and of Graph: status, code and message, in two tables.

Messages are Microsoft's where they are known from its documentation or from published
traces. Where only the refusal is known and not its words, the comment beside it says so.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class _Graph(NamedTuple):
    status: int
    code: str
    message: str


class Refusal(Enum):
    """What Graph refuses. Braces in a message are filled by the `GraphError` that carries it."""

    # Authentication
    TOKEN_EMPTY = _Graph(401, "InvalidAuthenticationToken", "Access token is empty.")
    TOKEN_NO_JWT = _Graph(
        401,
        "InvalidAuthenticationToken",
        "IDX14100: JWT is not well formed, there are no dots (.).\n"
        "The token needs to be in JWS or JWE Compact Serialization Format. "
        "(JWS): 'EncodedHeader.EncodedPayload.EncodedSignature'. (JWE): "
        "'EncodedProtectedHeader.EncodedEncryptedKey.EncodedInitializationVector"
        ".EncodedCiphertext.EncodedAuthenticationTag'.",
    )
    TOKEN_EXPIRED = _Graph(
        401,
        "InvalidAuthenticationToken",
        "Lifetime validation failed, the token is expired.",
    )
    TOKEN_AUDIENCE = _Graph(
        401,
        "InvalidAuthenticationToken",
        "Access token validation failure. Invalid audience.",
    )
    # The words differ by the kind of damage; clients get no more out of them than this.
    TOKEN_INVALID = _Graph(401, "InvalidAuthenticationToken", "Access token validation failure.")

    # Authorization. Also Graph's answer to a membership change of a dynamic group, and of a
    # role-assignable group without RoleManagement.ReadWrite.Directory.
    # Source: Microsoft support, "403 error when adding a user to a group".
    INSUFFICIENT_PRIVILEGES = _Graph(
        403,
        "Authorization_RequestDenied",
        "Insufficient privileges to complete the operation.",
    )

    # Addresses
    RESOURCE_NOT_FOUND = _Graph(
        404,
        "Request_ResourceNotFound",
        "Resource '{id}' does not exist or one of its queried reference-property objects "
        "are not present.",
    )
    INVALID_OBJECT_ID = _Graph(400, "Request_BadRequest", "Invalid object identifier '{id}'.")
    UNKNOWN_SEGMENT = _Graph(400, "BadRequest", "Resource not found for the segment '{segment}'.")
    METHOD_NOT_ALLOWED = _Graph(
        405,
        "Request_BadRequest",
        "Specified HTTP method is not allowed for the request target.",
    )
    NO_DIRECT_QUERIES = _Graph(
        400,
        "Request_BadRequest",
        "Direct queries to this resource type are not supported.",
    )

    # Query options
    PAGE_SIZE = _Graph(
        400,
        "Request_UnsupportedQuery",
        "Invalid page size specified: '{top}'. Must be between 1 and 999 inclusive.",
    )
    PAGE_TOKEN_EXPIRED = _Graph(
        400,
        "Directory_ExpiredPageToken",
        "The specified page token value has expired and can no longer be included in your request.",
    )
    UNSUPPORTED_FILTER = _Graph(
        400,
        "Request_UnsupportedQuery",
        "Unsupported or invalid query filter clause specified for property '{property}' of "
        "resource '{type}'.",
    )
    INVALID_FILTER = _Graph(400, "BadRequest", "Invalid filter clause: {clause}")
    UNKNOWN_SELECT = _Graph(
        400,
        "BadRequest",
        "Parsing OData Select and Expand failed: Could not find a property named "
        "'{property}' on type 'microsoft.graph.{type}'.",
    )
    # Microsoft knows more options than the simulator; the words tell the two apart.
    NOT_SIMULATED = _Graph(
        400, "Request_UnsupportedQuery", "The simulator does not know the query option {option}."
    )

    # Request bodies
    INVALID_JSON = _Graph(
        400,
        "BadRequest",
        "Unable to read JSON request payload. Please ensure Content-Type header is set and "
        "payload is of valid JSON format.",
    )
    PROPERTIES_INVALID = _Graph(400, "Request_BadRequest", "One or more properties are invalid.")

    # Memberships
    MEMBER_EXISTS = _Graph(
        400,
        "Request_BadRequest",
        "One or more added object references already exist for the following modified "
        "properties: 'members'.",
    )
    SYNCED_FROM_ON_PREMISES = _Graph(
        400,
        "Request_BadRequest",
        "Unable to update the specified properties for on-premises mastered Directory Sync "
        "objects or objects currently undergoing migration.",
    )
    MAIL_ENABLED_GROUP = _Graph(
        400,
        "Request_BadRequest",
        "Cannot Update a mail-enabled security groups and or distribution list.",
    )
    # Microsoft's words are not known; that only users may join is documented.
    # Source: Microsoft Learn, groups-overview, "Group membership".
    USERS_ONLY = _Graph(
        400, "Request_BadRequest", "Only users can be members of a Microsoft 365 group."
    )

    # Assignments
    ASSIGNMENT_EXISTS = _Graph(
        400,
        "Request_BadRequest",
        "Permission being assigned already exists on the object",
    )
    ROLE_NOT_FOUND = _Graph(
        400,
        "Request_BadRequest",
        "Permission being assigned was not found on application",
    )
    INVALID_REFERENCE = _Graph(400, "Request_BadRequest", "Not a valid reference update.")
    INVALID_ASSIGNMENT_ID = _Graph(
        400,
        "Request_BadRequest",
        "Invalid resource identifier for EntitlementGrant.",
    )


class GraphError(Exception):
    """Graph refuses the call."""

    def __init__(self, refusal: Refusal, **facts: object) -> None:
        self.status, self.code, message = refusal.value
        self.message = message.format(**facts) if facts else message
        super().__init__(self.message)


class _Login(NamedTuple):
    status: int
    error: str
    number: int
    message: str


class LoginRefusal(Enum):
    """What the login endpoint refuses, by its AADSTS number."""

    WRONG_SECRET = _Login(
        401,
        "invalid_client",
        7000215,
        "Invalid client secret provided. Ensure the secret being sent in the request is the "
        "client secret value, not the client secret ID, for a secret added to app '{app_id}'.",
    )
    EXPIRED_SECRET = _Login(
        401,
        "invalid_client",
        7000222,
        "The provided client secret keys for app '{app_id}' are expired. Visit the Azure "
        "portal to create new keys for your app, or consider using certificate credentials "
        "for added security.",
    )
    NO_CREDENTIAL = _Login(
        401,
        "invalid_client",
        7000218,
        "The request body must contain the following parameter: 'client_assertion' or "
        "'client_secret'.",
    )
    UNREGISTERED_CERTIFICATE = _Login(
        401,
        "invalid_client",
        700027,
        "The certificate with identifier used to sign the client assertion is not registered "
        "on application '{app_id}'.",
    )
    EXPIRED_ASSERTION = _Login(
        401,
        "invalid_client",
        700024,
        "Client assertion is not within its valid time range.",
    )
    UNKNOWN_APP = _Login(
        400,
        "unauthorized_client",
        700016,
        "Application with identifier '{app_id}' was not found in the directory '{tenant}'. "
        "This can happen if the application has not been installed by the administrator of "
        "the tenant or consented to by any user in the tenant. You may have sent your "
        "authentication request to the wrong tenant.",
    )
    UNKNOWN_TENANT = _Login(
        400,
        "invalid_request",
        90002,
        "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and "
        "are signing into the correct cloud. Check with your subscription administrator, this "
        "may happen if there are no active subscriptions for the tenant.",
    )
    INVALID_SCOPE = _Login(
        400,
        "invalid_scope",
        1002012,
        "The provided value for scope {scope} is not valid. Client credential flows must have "
        "a scope value with /.default suffixed to the resource identifier (application ID URI).",
    )
    UNKNOWN_RESOURCE = _Login(
        400,
        "invalid_resource",
        500011,
        "The resource principal named {resource} was not found in the tenant named {tenant}.",
    )
    MISSING_PARAMETER = _Login(
        400,
        "invalid_request",
        900144,
        "The request body must contain the following parameter: '{parameter}'.",
    )
    UNSUPPORTED_GRANT_TYPE = _Login(
        400,
        "unsupported_grant_type",
        70003,
        "The app requested an unsupported grant type '{grant_type}'.",
    )


class LoginError(Exception):
    """The login endpoint refuses the call."""

    def __init__(self, refusal: LoginRefusal, **facts: object) -> None:
        self.status, self.error, self.number, message = refusal.value
        self.message = message.format(**facts)
        super().__init__(self.message)
