"""Which properties each type has, and which of them Graph sends unasked.

Users and groups come with a subset unless $select names others; the other types come whole.
A property that a tenant's object lacks is sent as null, or as an empty list.
Source: Microsoft Learn, resources/user, group, serviceprincipal, approleassignment,
organization; the metadata of v1.0.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tools.entra_simulator.changes import GraphObject
from tools.entra_simulator.errors import GraphError, Refusal

# What members, owners and managers may be.
DIRECTORY_OBJECTS = ("user", "group", "servicePrincipal")

_USER_DEFAULT = (
    "businessPhones displayName givenName jobTitle mail mobilePhone officeLocation "
    "preferredLanguage surname userPrincipalName id"
)

_USER_ON_REQUEST = (
    "accountEnabled ageGroup city companyName consentProvidedForMinor country createdDateTime "
    "creationType deletedDateTime department employeeHireDate employeeId employeeLeaveDateTime "
    "employeeType externalUserState externalUserStateChangeDateTime faxNumber "
    "lastPasswordChangeDateTime legalAgeGroupClassification mailNickname "
    "onPremisesDistinguishedName onPremisesDomainName onPremisesImmutableId "
    "onPremisesLastSyncDateTime onPremisesSamAccountName onPremisesSyncEnabled "
    "onPremisesSecurityIdentifier onPremisesUserPrincipalName otherMails passwordPolicies "
    "postalCode proxyAddresses securityIdentifier showInAddressList "
    "signInSessionsValidFromDateTime state streetAddress usageLocation userType"
)

_GROUP_DEFAULT = (
    "id deletedDateTime classification createdDateTime description displayName "
    "expirationDateTime groupTypes isAssignableToRole mail mailEnabled mailNickname "
    "membershipRule membershipRuleProcessingState onPremisesDomainName "
    "onPremisesLastSyncDateTime onPremisesNetBiosName onPremisesProvisioningErrors "
    "onPremisesSamAccountName onPremisesSecurityIdentifier onPremisesSyncEnabled "
    "preferredDataLocation preferredLanguage proxyAddresses renewedDateTime "
    "resourceBehaviorOptions resourceProvisioningOptions securityEnabled securityIdentifier "
    "serviceProvisioningErrors theme uniqueName visibility"
)

_SERVICE_PRINCIPAL = (
    "id deletedDateTime accountEnabled alternativeNames appDescription appDisplayName appId "
    "applicationTemplateId appOwnerOrganizationId appRoleAssignmentRequired appRoles "
    "createdByAppId description disabledByMicrosoftStatus displayName homepage info "
    "loginUrl logoutUrl notes notificationEmailAddresses oauth2PermissionScopes "
    "preferredSingleSignOnMode replyUrls servicePrincipalNames servicePrincipalType "
    "signInAudience tags"
)

_ASSIGNMENT = (
    "id deletedDateTime appRoleId createdDateTime principalDisplayName principalId "
    "principalType resourceDisplayName resourceId"
)

_ORGANIZATION = (
    "id deletedDateTime businessPhones city country countryLetterCode createdDateTime "
    "displayName onPremisesLastSyncDateTime onPremisesSyncEnabled postalCode "
    "preferredLanguage state street technicalNotificationMails tenantType verifiedDomains"
)

_COLLECTIONS = (
    "alternativeNames appRoles businessPhones groupTypes notificationEmailAddresses "
    "oauth2PermissionScopes onPremisesProvisioningErrors otherMails proxyAddresses replyUrls "
    "resourceBehaviorOptions resourceProvisioningOptions servicePrincipalNames "
    "serviceProvisioningErrors tags technicalNotificationMails verifiedDomains"
)
_COLLECTION_NAMES = frozenset(_COLLECTIONS.split())

# By type, every property it has, and those sent unasked.
PROPERTIES: dict[str, list[str]] = {
    "user": [*_USER_DEFAULT.split(), *_USER_ON_REQUEST.split()],
    "group": _GROUP_DEFAULT.split(),
    "servicePrincipal": _SERVICE_PRINCIPAL.split(),
    "appRoleAssignment": _ASSIGNMENT.split(),
    "organization": _ORGANIZATION.split(),
}
DEFAULT_PROPERTIES: dict[str, list[str]] = {**PROPERTIES, "user": _USER_DEFAULT.split()}


def selected(type: str, found: GraphObject, select: Iterable[str] | None) -> GraphObject:
    """The object's selected properties, or those that its type sends unasked."""
    names = DEFAULT_PROPERTIES[type] if select is None else select
    return {name: found.get(name, [] if name in _COLLECTION_NAMES else None) for name in names}


def check_select(select: Iterable[str] | None, types: Sequence[str]) -> None:
    """Refuses a selected property that none of the types has."""
    for property in select or ():
        # Known, but it takes AuditLog.Read.All, and there is no sign-in here to tell about.
        if property == "signInActivity" and "user" in types:
            raise GraphError(Refusal.INSUFFICIENT_PRIVILEGES)
        if not any(property in PROPERTIES[type] for type in types):
            shown = types[0] if len(types) == 1 else "directoryObject"
            raise GraphError(Refusal.UNKNOWN_SELECT, property=property, type=shown)


def selected_directory_object(
    type: str, found: GraphObject, select: Iterable[str] | None
) -> GraphObject:
    """A member, owner or manager: it says its type, and leaves out what its type lacks."""
    if select is not None:
        select = [name for name in select if name in PROPERTIES[type]]
    return {"@odata.type": f"#microsoft.graph.{type}", **selected(type, found, select)}
