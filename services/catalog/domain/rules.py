"""What of an app may be asked for, by whom, under which policy."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import timedelta

from libs.domain.errors import Conflict
from services.catalog.domain import errors


@dataclass(frozen=True, slots=True)
class EntitlementRules:
    """The rules of one app. Version 0 are those before the first apply."""

    app_id: str
    enabled: bool = False
    resource_type_ids: tuple[str, ...] = ()
    access_profile_ids: tuple[str, ...] = ()
    policy_id: str = ""
    max_duration: timedelta | None = None
    version: int = 0

    def replaced_by(
        self,
        wanted: "EntitlementRules",
        etag: str,
        resource_type_ids: Collection[str],
        access_profile_ids: Collection[str],
    ) -> "EntitlementRules":
        """The wanted rules in place of these. An empty `etag` takes whatever is there.

        `resource_type_ids` are those of the app, `access_profile_ids` those that exist.

        Raises:
            Conflict: ETAG_MISMATCH.
            NotFound: RESOURCE_TYPE_NOT_FOUND, ACCESS_PROFILE_NOT_FOUND.
        """
        if etag and etag != str(self.version):
            raise Conflict.stale_etag(self.app_id)
        for index, type_id in enumerate(wanted.resource_type_ids):
            if type_id not in resource_type_ids:
                raise errors.resource_type_not_found(
                    self.app_id, type_id, f"entitlement_rules.resource_type_ids[{index}]"
                )
        for index, profile_id in enumerate(wanted.access_profile_ids):
            if profile_id not in access_profile_ids:
                raise errors.access_profile_not_found(
                    profile_id, f"entitlement_rules.access_profile_ids[{index}]"
                )
        return replace(wanted, version=self.version + 1)
