"""Every refusal of Graph: status, code and message, in one table.

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

    # Source: Microsoft Learn, "Continuous access evaluation", the claims challenge.
    TOKEN_REVOKED = _Graph(
        401,
        "InvalidAuthenticationToken",
        "Continuous access evaluation resulted in challenge with result: InteractionRequired "
        "and code: TokenCreatedWithOutdatedPolicies",
    )

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

    # Batches. Source: Microsoft Learn, "Combine multiple HTTP requests using JSON batching"; words
    # from published traces where they are known.
    BATCH_INVALID = _Graph(400, "BadRequest", "Invalid batch payload format.")
    BATCH_TOO_LONG = _Graph(
        400,
        "MaximumValueExceeded",
        "Number of batch request steps exceeds the maximum value of 20.",
    )
    BATCH_DUPLICATE_ID = _Graph(400, "BadRequest", "Request id '{id}' is not unique in the batch.")
    BATCH_UNKNOWN_DEPENDENCY = _Graph(
        400, "BadRequest", "Request id '{id}' depends on a request that is not before it."
    )
    BATCH_NO_CONTENT_TYPE = _Graph(
        400,
        "BadRequest",
        "Write request id : {id} does not contain Content-Type header or body.",
    )
    DEPENDENCY_FAILED = _Graph(
        424, "FailedDependency", "A request that this one depends on has failed."
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

    # Microsoft documents that these are not supported; the words are the simulator's.
    EXPAND_ADVANCED = _Graph(
        400, "Request_UnsupportedQuery", "$expand is not supported in advanced queries."
    )
    NOT_OF_DELTA = _Graph(
        400, "Request_UnsupportedQuery", "{option} is not supported by delta queries."
    )
    # Source: Microsoft Learn, group-delta: "There is a limit of 50 filtered objects". The words
    # are the simulator's.
    DELTA_FILTER_TOO_LONG = _Graph(
        400, "Request_UnsupportedQuery", "A delta query tracks at most 50 objects by id."
    )
    DELTA_FILTER_ASSIGNMENTS = _Graph(
        400,
        "Request_UnsupportedQuery",
        "Type 'microsoft.graph.appRoleAssignment' is tracked together with "
        "'microsoft.graph.user' only, and not by id.",
    )
    DELTA_TOKEN_INVALID = _Graph(400, "BadRequest", "Badly formed token.")
    # The code is documented, with a status of "the 40X series"; the words are not.
    DELTA_TOKEN_EXPIRED = _Graph(
        400,
        "syncStateNotFound",
        "The delta token is no longer valid. Start with a new initial request.",
    )
    RESYNC_REQUIRED = _Graph(
        410,
        "resyncRequired",
        "Resync required. Any provided synchronization state is no longer valid.",
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

    TOO_MANY_LINKS = _Graph(
        400, "Request_BadRequest", "A resource cannot contain more than 20 link changes"
    )
    NO_PATCH_OF_REFERENCES = _Graph(
        400,
        "BadRequest",
        "The request is currently not supported on the targeted entity set",
    )
    ABSENT_MEMBER = _Graph(
        400,
        "Request_BadRequest",
        "One or more removed object references do not exist for the following modified "
        "properties: 'members'.",
    )
    OWNER_EXISTS = _Graph(
        400,
        "Request_BadRequest",
        "One or more added object references already exist for the following modified "
        "properties: 'owners'.",
    )
    LAST_OWNER = _Graph(
        400,
        "Request_BadRequest",
        "The group must have at least one owner, hence this owner cannot be removed.",
    )

    # Privileged identity management of groups
    SCHEDULE_EXISTS = _Graph(400, "RoleAssignmentExists", "The Role assignment already exists.")
    SCHEDULE_ABSENT = _Graph(
        400, "RoleAssignmentDoesNotExist", "The Role assignment does not exist."
    )
    SCHEDULE_POLICY = _Graph(
        400,
        "RoleAssignmentRequestPolicyValidationFailed",
        'The following policy rules failed: ["{rule}"]',
    )

    # Assignments
    ASSIGNMENT_EXISTS_AS_GRANT = _Graph(
        400,
        "Request_MultipleObjectsWithSameKeyValue",
        "EntitlementGrant entry already exists.",
    )
    ABSENT_ASSIGNMENT = _Graph(
        400,
        "Request_BadRequest",
        "EntitlementGrant being updated or deleted is not found.",
    )
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
        self.headers: dict[str, str] = {}
        self.message = message.format(**facts) if facts else message
        super().__init__(self.message)
