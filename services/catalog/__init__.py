"""What exists, and who may ask for it.

Owns:      the directory as synced, apps, their entitlements, links, bindings and rules, access
           profiles.
Answers:   AppService, EntitlementService, LinkService, EntitlementRulesService,
           AccessProfileService, AppCatalogService, DirectoryService for people;
           IngestService for the connector; ResolutionService for requests and the connector.
Publishes: AppDiscovered, AppRemoved, AppManaged, EntitlementLinked, EntitlementRulesApplied,
           AccessProfileCreated, DirectoryRefreshed.
Follows:   nobody.
Calls:     nobody.
"""
