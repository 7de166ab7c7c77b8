"""The way from a wish to access, to a decision, to a lease, to its end.

owns       access requests with their timelines, inboxes and reviews, leases, delegations,
           campaigns, takeovers
answers    AccessRequestService, LeaseService, DelegationService, ReplayService, CampaignService,
           TakeoverService, AuditService, EventService
publishes  AccessRequest{Created,Approved,Denied,Cancelled,Fulfilled,Failed,Retried,Reassigned,
           Escalated,Commented,Restarted}, Approval{Requested,Given,Reminded}, NoApproverFound,
           EmergencyAccess{Requested,Reviewed}, Lease{Granted,Ended,Removed},
           Delegation{Created,Deleted}, Takeover{Started,Held,Finished}
follows    connector: AccessProvisioned, AccessProvisioningFailed, AccessDeprovisioned;
           catalog: UserDeactivated, AppUnmanaged, AppRemoved, EntitlementRemoved,
           UnmanagedAccessFound
calls      catalog ResolutionService/ResolveEntitlement, ApproverService/ResolveApprovers,
           DirectoryService/{GetUser,ListManagers}, AppService/{GetApp,ListApps},
           EntitlementService/{GetEntitlement,ListEntitlements} and GrantService/ListGrants,
           policy EvaluationService/{EvaluatePolicy,ExplainPolicy,EvaluateCondition,EvaluateDraft},
           connector ProvisioningService/GetDelivery
"""
