"""Every refusal of the login endpoint: status, OAuth error, AADSTS number and message.

Messages are Microsoft's where they are known from its documentation or from published traces.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

_SEE = " https://learn.microsoft.com/entra/workload-id/workload-identity-federation"
_CHECK = (
    "Check your federated identity credential Subject, Audience and Issuer against the presented "
    "assertion." + _SEE
)


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
    # Certificates: one number for all that can be wrong with the signature, and a reason.
    UNREGISTERED_CERTIFICATE = _Login(
        401,
        "invalid_client",
        700027,
        "The certificate with identifier used to sign the client assertion is not registered on "
        "application. [Reason - The key was not found., Thumbprint of key used by client: "
        "'{thumbprint}', Please visit the Azure Portal, Graph Explorer or directly use MS Graph "
        "to see configured keys for app Id '{app_id}'.",
    )
    WRONG_SIGNATURE = _Login(
        401,
        "invalid_client",
        700027,
        "Client assertion contains an invalid signature. [Reason - Key was found, but use of the "
        "key to verify the signature failed., Thumbprint of key used by client: '{thumbprint}'.",
    )
    EXPIRED_CERTIFICATE = _Login(
        401,
        "invalid_client",
        700027,
        "Client assertion contains an invalid signature. [Reason - The key used is expired., "
        "Thumbprint of key used by client: '{thumbprint}', Found key 'Start={start}, End={end}'.",
    )
    EXPIRED_ASSERTION = _Login(
        401,
        "invalid_client",
        700024,
        "Client assertion is not within its valid time range. Current time: {now}, assertion "
        "valid from {start}, expiry time of assertion {end}.",
    )
    MALFORMED_ASSERTION = _Login(
        401,
        "invalid_client",
        50027,
        "JWT token is invalid or malformed.",
    )
    WRONG_ASSERTION_AUDIENCE = _Login(
        401,
        "invalid_client",
        700023,
        "Client assertion audience claim does not match Realm issuer.",
    )

    # Federated identity credentials. Source: published traces, such as Azure/login issues 482
    # and 515, azure-workload-identity issue 1200.
    NO_FEDERATION = _Login(
        401,
        "invalid_client",
        70021,
        "No matching federated identity record found for presented assertion. Assertion Issuer: "
        "'{issuer}'. Assertion Subject: '{subject}'. Assertion Audience: '{audience}'." + _SEE,
    )
    UNKNOWN_ISSUER = _Login(
        401,
        "invalid_client",
        700211,
        "No matching federated identity record found for presented assertion issuer '{issuer}'. "
        + _CHECK,
    )
    UNKNOWN_AUDIENCE = _Login(
        401,
        "invalid_client",
        700212,
        "No matching federated identity record found for presented assertion audience "
        "'{audience}'. " + _CHECK,
    )
    UNKNOWN_SUBJECT = _Login(
        401,
        "invalid_client",
        700213,
        "No matching federated identity record found for presented assertion subject "
        "'{subject}'. " + _CHECK,
    )
    SUBJECT_IN_OTHER_CASE = _Login(
        401,
        "invalid_client",
        7002138,
        "No matching federated identity record found for presented assertion subject "
        "'{subject}'. The subject matches with case-insensitive comparison, but not with "
        "case-sensitive comparison. " + _CHECK,
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

    # What the endpoint says of itself. Source: Microsoft Learn, "Microsoft Entra authentication
    # and authorization error codes".
    THROTTLED = _Login(
        429,
        "temporarily_unavailable",
        90055,
        "TenantThrottlingError - There are too many incoming requests.",
    )
    UNAVAILABLE = _Login(
        503,
        "temporarily_unavailable",
        90033,
        "MsodsServiceUnavailable - The Microsoft Online Directory Service (MSODS) isn't available.",
    )


class LoginError(Exception):
    """The login endpoint refuses the call. Braces in the message are filled by the facts."""

    def __init__(self, refusal: LoginRefusal, **facts: object) -> None:
        self.status, self.error, self.number, message = refusal.value
        self.message = message.format(**facts)
        super().__init__(self.message)
