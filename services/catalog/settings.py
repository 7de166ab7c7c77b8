"""What the catalog can be told at start."""

from libs.process import settings


class Settings(settings.Settings):
    """The catalog needs what every service needs, and nothing else."""
