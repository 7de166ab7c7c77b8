"""The way from a wish to access, to a decision, to a lease, to its end.

owns       access requests with their timelines, leases
answers    AccessRequestService, LeaseService, AuditService, EventService
publishes  AccessRequest{Created,Approved,Denied,Cancelled,Fulfilled,Failed,Retried},
           Lease{Granted,Ended,Removed}
follows    connector: AccessProvisioned, AccessProvisioningFailed, AccessDeprovisioned;
           catalog: UserDeactivated, AppUnmanaged, AppRemoved, EntitlementRemoved
calls      catalog ResolutionService/ResolveEntitlement, DirectoryService/GetUser and
           EntitlementService/GetEntitlement, policy EvaluationService/EvaluatePolicy,
           connector ProvisioningService/GetDelivery
"""
