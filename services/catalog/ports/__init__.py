"""What the handlers need from outside."""

from services.catalog.ports.access_profiles import AccessProfiles, Expressions
from services.catalog.ports.app_catalog import AppCatalog
from services.catalog.ports.approvers import ApproverSources
from services.catalog.ports.apps import AppFilter, Apps
from services.catalog.ports.directory import Directory
from services.catalog.ports.entitlements import Entitlements
from services.catalog.ports.grants import Grants, UnmanagedAccess
from services.catalog.ports.links import LinkMaterial, Links
from services.catalog.ports.offers import ForWriting, Offers, WritingAnswer
from services.catalog.ports.policy_uses import PolicyUses
from services.catalog.ports.rules import Rules, RulesMaterial
from services.catalog.ports.syncs import Syncs
from services.catalog.ports.uses import Feed, Following, Requests, Uses

__all__ = [
    "AccessProfiles",
    "AppCatalog",
    "AppFilter",
    "ApproverSources",
    "Apps",
    "Directory",
    "Entitlements",
    "Expressions",
    "Feed",
    "Following",
    "ForWriting",
    "Grants",
    "LinkMaterial",
    "Links",
    "Offers",
    "PolicyUses",
    "Requests",
    "Rules",
    "RulesMaterial",
    "Syncs",
    "UnmanagedAccess",
    "Uses",
    "WritingAnswer",
]
