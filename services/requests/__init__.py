"""The way from a wish to access, to a decision, to a lease, to its end.

owns       access requests with their timelines, inboxes and reviews, leases with their tasks,
           delegations, access reviews, takeovers
answers    AccessRequestService, LeaseService, TaskService, DelegationService, CampaignService,
           TakeoverService, ReplayService, AuditService, EventService
publishes  AccessRequest{Created,Approved,Denied,Cancelled,Fulfilled,Failed,Retried,Reassigned,
           Escalated,Commented,Restarted}, Approval{Requested,Given,Reminded}, NoApproverFound,
           EmergencyAccess{Requested,Reviewed}, Lease{Granted,Extended,EndNear,Ended,EndLate,
           RemovedOutside,Removed}, Task{Opened,Completed,Closed}, Delegation{Created,Deleted},
           Campaign{Started,ItemReviewed,Closed}, Takeover{Started,Held,Finished},
           AuditHeadSigned
follows    connector: AccessProvisioned, AccessProvisioningFailed, AccessDeprovisioned,
           AccessRemovedOutside;
           catalog: UserDeactivated, AppUnmanaged, AppRemoved, EntitlementRemoved,
           UnmanagedAccessFound
calls      catalog ResolutionService/ResolveEntitlement, ApproverService/ResolveApprovers,
           DirectoryService/{GetUser,ListManagers}, AppService/{GetApp,ListApps},
           EntitlementService/{GetEntitlement,ListEntitlements} and GrantService/ListGrants,
           policy EvaluationService/{EvaluatePolicy,ExplainPolicy,EvaluateCondition,EvaluateDraft},
           connector ProvisioningService/BatchGetDeliveries
"""
