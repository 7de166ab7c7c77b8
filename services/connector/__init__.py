"""Makes Entra agree with the leases, and tells the catalog what Entra holds.

Owns: connections, syncs, deliveries, assignments and operations.
Answers: connector administrators, and the requests service about deliveries.
Publishes: ConnectionCreated, SyncStarted, SyncSucceeded, SyncFailed, SyncCancelled,
    AccessProvisioned, AccessProvisioningFailed, AccessDeprovisioned, AuditHeadSigned.
Follows: LeaseGranted and LeaseEnded of requests, as hints to look.
Calls: requests for leases, catalog for targets and to bring in what a sync reads, Microsoft Graph.
"""
