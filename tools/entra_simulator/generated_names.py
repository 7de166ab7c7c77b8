"""What people, departments, groups and apps of a generated tenant are called."""

from __future__ import annotations

_GIVEN_NAMES = (
    "Ada Amir Anika Astrid Bao Bea Carlos Chen Clara Dara Dmitri Elif Emeka Esra Finn Freya Gita "
    "Hana Hugo Ines Ivan Jamal Jana Jin Kaia Kofi Lea Liam Lucia Maja Malik Mei Mila Nadia Nils "
    "Noor Olga Omar Paula Pedro Priya Quentin Rania Ravi Rosa Samir Sara Sven Tala Tomas Uma "
    "Vera Viktor Wanda Xavier Yara Yuki Zoe"
)
_FAMILY_NAMES = (
    "Abe Adeyemi Andersson Banerjee Bauer Bianchi Bonnet Castillo Cohen Costa Dahl Diaz Dubois "
    "Eriksen Evans Fischer Fontaine Garcia Gupta Haddad Hansen Ito Ivanova Jensen Kaya Keller Kim "
    "Kovacs Kumar Larsen Lehmann Li Lopez Mbeki Meyer Moreau Murphy Nakamura Nguyen Novak Okafor "
    "Olsen Park Patel Petrov Popescu Rossi Sato Schmidt Silva Singh Svensson Tanaka Torres Vargas "
    "Wagner Walker Wang Weber Yilmaz Zhang"
)
_TOPICS_NAMES = (
    "Atlas Beacon Cascade Delta Ember Fjord Granite Harbor Iris Juniper Kestrel Lumen Meridian "
    "Nimbus Orchard Prism Quarry Ridge Summit Tundra Umbra Vertex Willow Zenith"
)

GIVEN = _GIVEN_NAMES.split()
FAMILY = _FAMILY_NAMES.split()
TOPICS = _TOPICS_NAMES.split()

# By department its share of the people, and titles from the most to the least senior.
DEPARTMENTS = (
    ("Engineering", 30, ("Head of Engineering", "Staff Engineer", "Software Engineer")),
    ("Sales", 20, ("Head of Sales", "Sales Manager", "Account Executive")),
    ("Customer Support", 15, ("Head of Support", "Support Lead", "Support Specialist")),
    ("Operations", 12, ("Head of Operations", "Operations Manager", "Operations Specialist")),
    ("Marketing", 8, ("Head of Marketing", "Campaign Manager", "Marketing Specialist")),
    ("Finance", 6, ("Head of Finance", "Controller", "Accountant")),
    ("People", 5, ("Head of People", "People Partner", "Recruiter")),
    ("Legal", 4, ("General Counsel", "Legal Counsel", "Paralegal")),
)

AUDIENCES = ("Readers", "Editors", "Admins", "Team", "Project", "On-call", "Reviewers", "Leads")
PRODUCTS = ("CRM", "Ledger", "Wiki", "Desk", "Pipelines", "Vault", "Surveys", "Analytics", "Mail")
ROLES = ("User", "Manager", "Auditor", "Administrator")
FIRST_PARTY = (
    "Office 365 Exchange Online",
    "Office 365 SharePoint Online",
    "Windows Azure Service Management API",
    "Microsoft Teams Services",
    "Azure Key Vault",
    "Microsoft Intune",
)
