"""Carries out operations: notes attempts, calls Entra outside any transaction, notes its answers.

Whatever is under way in the database is picked up, at the start as at any other time; that is what
makes a crash harmless.
"""

from services.connector.loops.provisioning.scheduler import ProvisioningScheduler

__all__ = ["ProvisioningScheduler"]
