"""The way from a wish to access, to a decision, to a lease, to its end.

owns       access requests with their timelines, inboxes and reviews, leases, delegations
answers    AccessRequestService, LeaseService, DelegationService, ReplayService, AuditService,
           EventService
publishes  AccessRequest{Created,Approved,Denied,Cancelled,Fulfilled,Failed,Retried,Reassigned,
           Escalated,Commented,Restarted}, Approval{Requested,Given,Reminded}, NoApproverFound,
           EmergencyAccess{Requested,Reviewed}, Lease{Granted,Ended,Removed},
           Delegation{Created,Deleted}, AuditHeadSigned
follows    connector: AccessProvisioned, AccessProvisioningFailed, AccessDeprovisioned;
           catalog: UserDeactivated, AppUnmanaged, AppRemoved, EntitlementRemoved
calls      catalog ResolutionService/ResolveEntitlement, ApproverService/ResolveApprovers,
           DirectoryService/{GetUser,ListManagers} and EntitlementService/GetEntitlement,
           policy EvaluationService/{EvaluatePolicy,ExplainPolicy,EvaluateCondition,EvaluateDraft},
           connector ProvisioningService/GetDelivery
"""
