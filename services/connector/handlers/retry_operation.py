"""Has an operation that waits for its next attempt attempted at once."""

from dataclasses import dataclass, replace

from libs.domain.callers import Caller
from libs.domain.changes import AuditEntry, Change, Outcome
from libs.domain.clock import Clock
from services.connector.domain import errors
from services.connector.domain.operation import OperationState
from services.connector.ports import Provisioning, Recorded


@dataclass(frozen=True, slots=True)
class RetryOperation:
    """The use case. A pause that the tenant asked for is kept all the same."""

    provisioning: Provisioning
    clock: Clock

    async def __call__(self, operation_id: str, actor: Caller) -> Outcome[Recorded]:
        """The operation, due now. Nothing changes for one that is being attempted.

        Raises:
            NotFound: OPERATION_NOT_FOUND.
            WrongState: OPERATION_FINISHED.
        """
        now = self.clock.now()
        before = await self.provisioning.around_operations([operation_id])
        found = await self.provisioning.operation(operation_id)
        if found is None:
            raise errors.operation_not_found(operation_id)
        if found.operation.state is not OperationState.INTENDED:
            raise errors.operation_finished(operation_id, found.operation.state.value)
        for assignment in before.assignments.values():
            hurried = assignment.hurried(operation_id, now)
            if hurried is not assignment and hurried.operation is not None:
                after, told = before.changed([hurried], (), now)
                entry = AuditEntry(actor, "operation.retried", operation_id)
                return Outcome(
                    replace(found, operation=hurried.operation),
                    Change(entry, self.provisioning.saved(before, after), told),
                )
        return Outcome(found)
