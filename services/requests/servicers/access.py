"""Who may call what. What is whose is seen to by the use cases."""

from libs.domain.callers import ADMIN, AUDITOR, POLICY_ADMIN
from libs.rpc.access import only_services, people, roles

_ACCESS_REQUESTS = "/latchkey.requests.v1.AccessRequestService"
_CAMPAIGNS = "/latchkey.requests.v1.CampaignService"
_DELEGATIONS = "/latchkey.requests.v1.DelegationService"
_LEASES = "/latchkey.requests.v1.LeaseService"
_TASKS = "/latchkey.requests.v1.TaskService"
_TAKEOVERS = "/latchkey.requests.v1.TakeoverService"
_REPLAY = "/latchkey.requests.v1.ReplayService"

ACCESS = {
    f"{_ACCESS_REQUESTS}/CreateAccessRequest": people(),
    f"{_ACCESS_REQUESTS}/BatchCreateAccessRequests": people(),
    f"{_ACCESS_REQUESTS}/PreviewAccessRequest": people(),
    f"{_ACCESS_REQUESTS}/GetAccessRequest": people(),
    f"{_ACCESS_REQUESTS}/ListAccessRequests": people(),
    f"{_ACCESS_REQUESTS}/WatchAccessRequest": people(),
    f"{_ACCESS_REQUESTS}/CancelAccessRequest": people(),
    f"{_ACCESS_REQUESTS}/RetryAccessRequest": people(),
    f"{_ACCESS_REQUESTS}/ApproveAccessRequest": people(),
    f"{_ACCESS_REQUESTS}/DenyAccessRequest": people(),
    f"{_ACCESS_REQUESTS}/BatchDecideAccessRequests": people(),
    f"{_ACCESS_REQUESTS}/ReassignAccessRequest": people(),
    f"{_ACCESS_REQUESTS}/CommentOnAccessRequest": people(),
    f"{_ACCESS_REQUESTS}/RestartAccessRequest": people(),
    f"{_ACCESS_REQUESTS}/ReviewEmergencyAccess": people(),
    f"{_LEASES}/GetLease": people(services=["connector"]),
    f"{_LEASES}/BatchGetLeases": only_services("connector"),
    f"{_LEASES}/ListLeases": people(services=["connector"]),
    f"{_LEASES}/RevokeLease": people(),
    f"{_LEASES}/ExtendLease": people(),
    f"{_TASKS}/GetTask": people(),
    f"{_TASKS}/ListTasks": people(),
    f"{_TASKS}/CompleteTask": people(),
    f"{_DELEGATIONS}/CreateDelegation": people(),
    f"{_DELEGATIONS}/ListDelegations": people(),
    f"{_DELEGATIONS}/DeleteDelegation": people(),
    # Owners, reviewers and who started it have no role.
    f"{_CAMPAIGNS}/StartCampaign": people(),
    f"{_CAMPAIGNS}/GetCampaign": people(),
    f"{_CAMPAIGNS}/ListCampaigns": people(),
    f"{_CAMPAIGNS}/ListCampaignItems": people(),
    f"{_CAMPAIGNS}/ReviewCampaignItem": people(),
    f"{_CAMPAIGNS}/CloseCampaign": people(),
    f"{_TAKEOVERS}/StartTakeover": roles(ADMIN),
    f"{_TAKEOVERS}/GetTakeover": roles(ADMIN, AUDITOR),
    f"{_TAKEOVERS}/ListTakeovers": roles(ADMIN, AUDITOR),
    f"{_TAKEOVERS}/ConfirmTakeover": roles(ADMIN),
    f"{_TAKEOVERS}/CancelTakeover": roles(ADMIN),
    f"{_REPLAY}/ReplayPolicy": roles(ADMIN, POLICY_ADMIN, AUDITOR),
}
