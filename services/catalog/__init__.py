"""What exists, and who may ask for it.

Owns:      the directory as synced; apps, their owners, entitlements, links, bindings and rules;
           access profiles.
Answers:   AppService, EntitlementService, LinkService, EntitlementRulesService,
           AccessProfileService, AppCatalogService, GrantService, DirectoryService for people;
           IngestService for the connector; ResolutionService for requests and the connector;
           ApproverService for requests and policy, and where policies are used for people.
Publishes: App{Discovered,Removed,Managed,Updated,Unmanaged},
           Entitlement{Linked,Unlinked,Updated,Removed,RulesApplied},
           AccessProfile{Created,Updated,Deleted}, UserDeactivated, UnmanagedAccessFound,
           DirectoryRefreshed, AuditHeadSigned.
Follows:   nobody through NATS; the feed of requests, of which access requests and leases are on.
Calls:     requests, EventService/ListEvents. It answers as well while requests is away.
"""
