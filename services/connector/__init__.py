"""Makes Entra agree with the leases, and tells the catalog what Entra holds.

Owns: connections, syncs, deliveries, assignments, operations and reconciliations.
Answers: connector administrators, and the requests service about deliveries.
Publishes: ConnectionCreated, ConnectionUpdated, SyncStarted, SyncSucceeded, SyncFailed,
    SyncCancelled, SyncHeld, SyncConfirmed, AccessProvisioned, AccessProvisioningFailed,
    AccessDeprovisioned, AccessRemovedOutside, ReconciliationHeld, ReconciliationConfirmed,
    AuditHeadSigned.
Follows: LeaseGranted and LeaseEnded of requests, as hints to look.
Calls: requests for leases, catalog for targets, to bring in what a sync reads and to
    see what is missing, Microsoft Graph.
"""
