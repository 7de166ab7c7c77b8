"""What the catalog refuses, by reason of `latchkey.catalog.v1.ErrorReason`."""

from collections.abc import Sequence

from libs.domain.errors import (
    AlreadyExists,
    Invalid,
    LatchkeyError,
    NotAllowed,
    NotFound,
    Violation,
    WrongState,
)


def app_not_found(app_id: str) -> NotFound:
    """No app has this id."""
    return NotFound("APP_NOT_FOUND", f"There is no app {app_id}.", app_id=app_id)


def app_already_managed(app_id: str) -> AlreadyExists:
    """The app is managed already."""
    return AlreadyExists("APP_ALREADY_MANAGED", f"{app_id} is managed already.", app_id=app_id)


def app_not_managed(app_id: str) -> WrongState:
    """Only a managed app has what was asked for."""
    return WrongState(
        "APP_NOT_MANAGED", f"{app_id} is not managed; manage it first.", app_id=app_id
    )


def app_removed(app_id: str) -> WrongState:
    """The app is no longer in the directory."""
    return WrongState("APP_REMOVED", f"{app_id} is no longer in the directory.", app_id=app_id)


def app_protected(app_id: str) -> WrongState:
    """The app is Microsoft's own."""
    return WrongState(
        "APP_PROTECTED", f"{app_id} is Microsoft's own and is never written to.", app_id=app_id
    )


def app_role_required(app_id: str, problem: str, app_roles: Sequence[str], field: str) -> Invalid:
    """It has to be said which of the app's roles access gives. `app_roles`: "id (name)"."""
    return Invalid.field(
        field,
        problem,
        reason="APP_ROLE_REQUIRED",
        app_id=app_id,
        app_roles=", ".join(app_roles),
    )


def of_one(error: LatchkeyError, path: str) -> LatchkeyError:
    """The refusal of one app among many, which says which one: its fields begin with `path`."""
    if isinstance(error, Invalid):
        return Invalid(
            [Violation(f"{path}.{each.field}", each.problem) for each in error.violations],
            reason=error.reason,
            **error.facts,
        )
    facts = error.facts | {"field": f"{path}.app_id"}
    return type(error)(error.reason, f"{path}: {error.message}", **facts)


def entitlement_not_found(entitlement_id: str, field: str = "entitlement_id") -> NotFound:
    """No entitlement has this id, or not for who asks: the two are told apart by nobody."""
    return NotFound(
        "ENTITLEMENT_NOT_FOUND",
        f"There is no entitlement {entitlement_id}.",
        entitlement_id=entitlement_id,
        field=field,
    )


def linked_entitlement_not_found(app_id: str, linked_id: str, field: str) -> NotFound:
    """The group is not linked to the app."""
    return NotFound(
        "LINKED_ENTITLEMENT_NOT_FOUND",
        f"{field}: {linked_id} is not linked to {app_id}.",
        app_id=app_id,
        directory_entitlement_id=linked_id,
        field=field,
    )


def already_linked(app_id: str, linked_id: str, field: str) -> WrongState:
    """A final choice was made for the group."""
    return WrongState(
        "ALREADY_LINKED",
        f"{field}: a choice was made for {linked_id} of {app_id} already; unlink it first "
        "with UnlinkEntitlements.",
        app_id=app_id,
        directory_entitlement_id=linked_id,
        field=field,
    )


def group_not_writable(name: str, linked_id: str, why: str, field: str) -> WrongState:
    """The members of the group can't be changed through Graph. `field` may be empty."""
    where = f"{field}: " if field else ""
    return WrongState(
        "GROUP_NOT_WRITABLE",
        f"{where}the members of {name} can't be changed through Graph: {why}.",
        group=name,
        directory_entitlement_id=linked_id,
        unwritable_reason=why,
        field=field,
    )


def role_name_taken(app_id: str, name: str, field: str) -> AlreadyExists:
    """The app has a role of this name."""
    return AlreadyExists(
        "ROLE_NAME_TAKEN",
        f"{field}: {app_id} has a role named {name!r} already.",
        app_id=app_id,
        display_name=name,
        field=field,
    )


def resource_type_not_found(app_id: str, resource_type_id: str, field: str) -> NotFound:
    """The app has no such resource type."""
    return NotFound(
        "RESOURCE_TYPE_NOT_FOUND",
        f"{field}: {app_id} has no resource type {resource_type_id}.",
        app_id=app_id,
        resource_type_id=resource_type_id,
        field=field,
    )


def access_profile_not_found(access_profile_id: str, field: str = "access_profile_id") -> NotFound:
    """No access profile has this id."""
    return NotFound(
        "ACCESS_PROFILE_NOT_FOUND",
        f"There is no access profile {access_profile_id}.",
        access_profile_id=access_profile_id,
        field=field,
    )


def access_profile_name_taken(name: str) -> AlreadyExists:
    """An access profile has this name."""
    return AlreadyExists(
        "ACCESS_PROFILE_NAME_TAKEN",
        f"There is an access profile named {name!r} already.",
        display_name=name,
    )


def user_not_found(user_id: str, field: str = "user_id") -> NotFound:
    """No person has this id."""
    return NotFound(
        "USER_NOT_FOUND", f"There is no person {user_id}.", user_id=user_id, field=field
    )


def person_not_in_directory(user_id: str) -> NotAllowed:
    """Who asks is not among the people of the directory."""
    return NotAllowed(
        "PERSON_NOT_IN_DIRECTORY", f"{user_id} is not in the directory.", user_id=user_id
    )


def not_provisionable(entitlement_id: str, connection_id: str) -> WrongState:
    """The tenant is connected for group memberships only, and the entitlement needs no group."""
    return WrongState(
        "NOT_PROVISIONABLE",
        f"{connection_id} is for group memberships only, and {entitlement_id} needs none.",
        entitlement_id=entitlement_id,
        connection_id=connection_id,
    )


def person_disabled(user_id: str) -> WrongState:
    """The person is disabled in the directory."""
    return WrongState(
        "PERSON_DISABLED", f"{user_id} is disabled in the directory.", user_id=user_id
    )


def sync_superseded(sync_id: str, newer_sync_id: str) -> WrongState:
    """A newer sync of the connection has begun."""
    return WrongState(
        "SYNC_SUPERSEDED",
        f"{newer_sync_id}, a newer sync of the connection, has begun; {sync_id} is over.",
        sync_id=sync_id,
        newer_sync_id=newer_sync_id,
    )


def sync_run_superseded(sync_id: str, run: int, newer_run: int) -> WrongState:
    """The sync was taken over by a newer run of it."""
    return WrongState(
        "SYNC_SUPERSEDED",
        f"Run {newer_run} of {sync_id} has begun; run {run} is over.",
        sync_id=sync_id,
        run=run,
        newer_run=newer_run,
    )


def sync_page_out_of_order(sync_id: str, page_number: int, wanted: str) -> WrongState:
    """The page is not the one that comes next. `wanted` says what would."""
    return WrongState(
        "SYNC_PAGE_OUT_OF_ORDER",
        f"Page {page_number} of {sync_id} can't be taken: {wanted}.",
        sync_id=sync_id,
        page_number=page_number,
    )


def entitlement_removed(entitlement_id: str, problem: str) -> WrongState:
    """What the entitlement stands for is no longer in the directory."""
    return WrongState(
        "ENTITLEMENT_REMOVED",
        f"{entitlement_id} can't be had any more: {problem}.",
        entitlement_id=entitlement_id,
        problem=problem,
    )


def entitlement_locked(entitlement_id: str) -> WrongState:
    """The entitlement's override is locked."""
    return WrongState(
        "ENTITLEMENT_LOCKED",
        f"The override of {entitlement_id} is locked; unlock it first, or in the same update.",
        entitlement_id=entitlement_id,
    )


def removes_locked(entitlement_id: str, display_name: str) -> WrongState:
    """The entitlement would go, and its locked override with it."""
    return WrongState(
        "ENTITLEMENT_LOCKED",
        f"{display_name} ({entitlement_id}) would be removed, and its override is locked; unlock "
        "it with UpdateEntitlement first, override.locked false.",
        entitlement_id=entitlement_id,
    )


def not_linked(app_id: str, linked_id: str, field: str) -> WrongState:
    """No choice was made for the group."""
    return WrongState(
        "NOT_LINKED",
        f"{field}: no choice was made for {linked_id} of {app_id}.",
        app_id=app_id,
        directory_entitlement_id=linked_id,
        field=field,
    )


def access_profile_built_in(access_profile_id: str) -> WrongState:
    """The built-in profile stays as it is."""
    return WrongState(
        "ACCESS_PROFILE_BUILT_IN",
        f"{access_profile_id} is built in and stays as it is.",
        access_profile_id=access_profile_id,
    )


def expression_invalid(field: str, problem: str) -> Invalid:
    """The expression can't be used. `problem` says where and why."""
    return Invalid.field(field, problem, reason="EXPRESSION_INVALID")


def group_not_found(group_id: str, field: str = "group_id") -> NotFound:
    """No group has this id."""
    return NotFound(
        "GROUP_NOT_FOUND", f"There is no group {group_id}.", group_id=group_id, field=field
    )
