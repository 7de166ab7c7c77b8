"""Who may call what. What is whose is seen to by the use cases."""

from libs.rpc.access import people

_ACCESS_REQUESTS = "/latchkey.requests.v1.AccessRequestService"
_DELEGATIONS = "/latchkey.requests.v1.DelegationService"
_LEASES = "/latchkey.requests.v1.LeaseService"

ACCESS = {
    f"{_ACCESS_REQUESTS}/CreateAccessRequest": people(),
    f"{_ACCESS_REQUESTS}/GetAccessRequest": people(),
    f"{_ACCESS_REQUESTS}/ListAccessRequests": people(),
    f"{_ACCESS_REQUESTS}/WatchAccessRequest": people(),
    f"{_ACCESS_REQUESTS}/CancelAccessRequest": people(),
    f"{_ACCESS_REQUESTS}/RetryAccessRequest": people(),
    f"{_LEASES}/GetLease": people(services=["connector"]),
    f"{_LEASES}/ListLeases": people(services=["connector"]),
    f"{_LEASES}/RevokeLease": people(),
    f"{_DELEGATIONS}/CreateDelegation": people(),
    f"{_DELEGATIONS}/ListDelegations": people(),
    f"{_DELEGATIONS}/DeleteDelegation": people(),
}
