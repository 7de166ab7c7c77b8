"""The way from a wish to access, to a decision, to a lease, to its end.

owns       access requests with their timelines, leases, delegations
answers    AccessRequestService, LeaseService, DelegationService, AuditService, EventService
publishes  AccessRequest{Created,Approved,Denied,Cancelled,Fulfilled,Failed,Retried},
           Lease{Granted,Ended,Removed}, Delegation{Created,Deleted}
follows    connector: AccessProvisioned, AccessProvisioningFailed, AccessDeprovisioned;
           catalog: UserDeactivated, AppUnmanaged, AppRemoved, EntitlementRemoved
calls      catalog ResolutionService/ResolveEntitlement, DirectoryService/GetUser and
           EntitlementService/GetEntitlement, policy EvaluationService/EvaluatePolicy,
           connector ProvisioningService/GetDelivery
"""
