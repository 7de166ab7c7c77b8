"""The people, groups and apps of a generated tenant, one by one and without their relations."""

from __future__ import annotations

import random
import uuid
from typing import Any

from tools.entra_simulator import generated_names as names

# Microsoft's own tenant, which owns its service principals.
# Source: Microsoft Learn, "Verify first-party Microsoft applications in sign-in reports".
MICROSOFT = "f8cdef31-a31e-4b4a-93e4-5f571e91255a"

_CREATED = "2023-04-11T07:00:00Z"
_SYNCED = "2026-01-05T04:00:00Z"

_GUESTS, _DISABLED, _SYNCED_USERS = 0.04, 0.06, 0.3
_REPORTS = 8

_INTEGRATED = "WindowsAzureActiveDirectoryIntegratedApp"


def people(rng: random.Random, count: int, organization: dict[str, Any]) -> list[dict[str, Any]]:
    """Users. Managers form one tree whose root is the first of them."""
    domains = [domain["name"] for domain in organization["verifiedDomains"]]
    company, country = organization["displayName"], organization["countryLetterCode"]
    made: list[dict[str, Any]] = []
    by_department: dict[str, list[str]] = {name: [] for name, _, _ in names.DEPARTMENTS}
    weights = [share for _, share, _ in names.DEPARTMENTS]
    for number, (department, _, titles) in enumerate(
        rng.choices(names.DEPARTMENTS, weights, k=count)
    ):
        given, family = rng.choice(names.GIVEN), rng.choice(names.FAMILY)
        nickname = f"{given}.{family}{number + 1}".lower()
        colleagues = by_department[department]
        # Heap order: everybody manages the next few of the own department who came later.
        place = len(colleagues)
        manager = (
            None if not made else colleagues[(place - 1) // _REPORTS] if place else (made[0]["id"])
        )
        title = titles[0] if not place else titles[1] if place <= _REPORTS else titles[2]
        user = {
            "id": _id(rng),
            "displayName": f"{given} {family}",
            "givenName": given,
            "surname": family,
            "userPrincipalName": f"{nickname}@{domains[0]}",
            "mail": f"{nickname}@{domains[0]}",
            "mailNickname": nickname,
            "jobTitle": title if made else "Chief Executive Officer",
            "department": department,
            "accountEnabled": not made or rng.random() >= _DISABLED,
            "userType": "Member",
            "employeeId": str(100_001 + number),
            "companyName": company,
            "createdDateTime": _CREATED,
            "usageLocation": country,
            "manager": manager,
        }
        if made and rng.random() < _GUESTS:
            mail = f"{nickname}@partner.example"
            user |= {
                "userPrincipalName": f"{mail.replace('@', '_')}#EXT#@{domains[-1]}",
                "mail": mail,
                "userType": "Guest",
                "employeeId": None,
                "companyName": "Partner",
                "externalUserState": "Accepted",
                "creationType": "Invitation",
            }
        else:
            colleagues.append(str(user["id"]))
            if rng.random() < _SYNCED_USERS:
                user |= {"onPremisesSyncEnabled": True, "onPremisesLastSyncDateTime": _SYNCED}
        made.append(user)
    return made


def groups(
    rng: random.Random, count: int, owners: list[dict[str, Any]], domain: str
) -> list[dict[str, Any]]:
    """Groups without members. The first is a plain security group; a few of the others are of
    each kind that cannot be written, as in a tenant that grew.
    """
    made = []
    for number in range(count):
        name = f"{rng.choice(names.TOPICS)} {rng.choice(names.AUDIENCES)} {number + 1}"
        nickname = name.lower().replace(" ", "-")
        group: dict[str, Any] = {
            "id": _id(rng),
            "displayName": name,
            "description": f"{name}, of the generated tenant.",
            "groupTypes": [],
            "securityEnabled": True,
            "mailEnabled": False,
            "mailNickname": nickname,
            "mail": None,
            "createdDateTime": _CREATED,
            "owners": [rng.choice(owners)["id"]] if owners else [],
            "members": [],
        }
        made.append(group | _kind(number, nickname, domain))
    return made


def _kind(number: int, nickname: str, domain: str) -> dict[str, Any]:
    """What makes the group of this number special. By number: small tenants have each kind too."""
    mail = {"mailEnabled": True, "mail": f"{nickname}@{domain}"}
    match number % 25:
        case 1:
            department = names.DEPARTMENTS[number // 25 % len(names.DEPARTMENTS)][0]
            return {
                "groupTypes": ["DynamicMembership"],
                "membershipRule": f'user.department -eq "{department}"',
                "membershipRuleProcessingState": "On",
            }
        case 2 | 3:
            return {
                "onPremisesSyncEnabled": True,
                "onPremisesSamAccountName": nickname,
                "onPremisesDomainName": f"ad.{domain}",
                "onPremisesLastSyncDateTime": _SYNCED,
            }
        case 4:
            return mail
        case 5 | 6 | 7:
            kind = {"groupTypes": ["Unified"], "securityEnabled": False, "visibility": "Private"}
            return kind | mail
        case 8 if number % 50 == 8:
            return {"isAssignableToRole": True}
        case 9 if number % 50 == 9:
            return mail | {"securityEnabled": False}
    return {}


def takes_any_member(group: dict[str, Any]) -> bool:
    """Whether this is a plain security group, in which groups may be as well."""
    special = group["groupTypes"] or group["mailEnabled"] or group.get("onPremisesSyncEnabled")
    return not special and not group.get("isAssignableToRole")


def apps(
    rng: random.Random, count: int, owners: list[dict[str, Any]], tenant_id: str
) -> list[dict[str, Any]]:
    """Enterprise applications: half of other publishers, every second one with app roles."""
    made = []
    for number in range(count):
        name = f"{rng.choice(names.TOPICS)} {rng.choice(names.PRODUCTS)} {number + 1}"
        site = f"https://{name.lower().replace(' ', '-')}.example/"
        own = number % 2 == 0
        roles = [_role(rng, role, "User") for role in names.ROLES[: number % 4 + 1]]
        if number % 10 == 5:
            roles.append(_role(rng, "Records.Read.All", "Application"))
        made.append(
            _service_principal(rng, name)
            | {
                "description": f"{name}, of the generated tenant.",
                "appRoleAssignmentRequired": number % 7 != 6,
                "appOwnerOrganizationId": tenant_id if own else _id(rng),
                "appRoles": roles if number % 2 else [],
                "tags": [_INTEGRATED, "HideApp"] if number % 20 == 19 else [_INTEGRATED],
                "homepage": site,
                "signInAudience": "AzureADMyOrg" if own else "AzureADMultipleOrgs",
                "info": {
                    "logoUrl": None,
                    "marketingUrl": site,
                    "privacyStatementUrl": None,
                    "supportUrl": None,
                    "termsOfServiceUrl": None,
                },
                "owners": [rng.choice(owners)["id"]] if owners else [],
            }
        )
    return made


def background_apps(rng: random.Random, count: int, tenant_id: str) -> list[dict[str, Any]]:
    """Service principals that nobody asks access to: Microsoft's, managed identities, daemons."""
    made = []
    for number in range(count):
        if number % 3 == 0:
            first_party = names.FIRST_PARTY[number // 3 % len(names.FIRST_PARTY)]
            app = _service_principal(rng, f"{first_party} {number // 3 + 1}")
            app |= {"appOwnerOrganizationId": MICROSOFT, "signInAudience": "AzureADMultipleOrgs"}
        elif number % 3 == 1:
            app = _service_principal(rng, f"identity-{number + 1}")
            app |= {"servicePrincipalType": "ManagedIdentity"}
            app |= {"alternativeNames": ["isExplicit=True", f"/subscriptions/{_id(rng)}"]}
        else:
            app = _service_principal(rng, f"daemon-{number + 1}")
            app |= {"appOwnerOrganizationId": tenant_id, "signInAudience": "AzureADMyOrg"}
        made.append(app)
    return made


def roles_for_people(app: dict[str, Any]) -> list[str]:
    return [role["id"] for role in app["appRoles"] if "User" in role["allowedMemberTypes"]]


def _service_principal(rng: random.Random, name: str) -> dict[str, Any]:
    return {
        "id": _id(rng),
        "appId": _id(rng),
        "displayName": name,
        "appDisplayName": name,
        "description": None,
        "accountEnabled": True,
        "appRoleAssignmentRequired": False,
        "servicePrincipalType": "Application",
        "appOwnerOrganizationId": None,
        "appRoles": [],
        "tags": [],
        "homepage": None,
        "signInAudience": None,
        "owners": [],
    }


def _role(rng: random.Random, value: str, member_type: str) -> dict[str, Any]:
    return {
        "id": _id(rng),
        "value": value,
        "displayName": value,
        "description": f"{value} of this application.",
        "allowedMemberTypes": [member_type],
        "isEnabled": True,
        "origin": "Application",
    }


def _id(rng: random.Random) -> str:
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))
