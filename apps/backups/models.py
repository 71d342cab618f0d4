"""What became of each backup. The files themselves lie in the backup directory, or where a shell put them."""

from pathlib import Path

from django.db import models
from django.db.models import Q
from django.utils import timezone


class State(models.TextChoices):
    """How far a backup came."""

    RUNNING = "running", "under way"
    DONE = "done", "made"
    FAILED = "failed", "failed"


class Way(models.TextChoices):
    """Who asked for it."""

    SCHEDULE = "schedule", "schedule"
    PANEL = "panel", "panel"
    SHELL = "shell", "shell"
    REST = "rest", "REST"


class Backup(models.Model):
    """One backup, from its beginning on. At most one is under way; the database sees to that."""

    state = models.CharField(max_length=16, choices=State, default=State.RUNNING)
    way = models.CharField("asked by", max_length=16, choices=Way)
    made_by = models.CharField("by", max_length=255)
    started_at = models.DateTimeField("begun", default=timezone.now)
    ended_at = models.DateTimeField("ended", null=True)
    file = models.TextField()
    size = models.PositiveBigIntegerField("bytes", default=0)
    sha256 = models.CharField("SHA-256", max_length=64, blank=True)
    encrypted = models.BooleanField("sealed", default=False)
    error = models.TextField(blank=True)
    removed_at = models.DateTimeField("removed", null=True)
    """When the schedule made room."""

    class Meta:
        ordering = ["-id"]
        default_permissions = ("view",)
        permissions = [("make_backup", "Can make backups"), ("download_backup", "Can download backups")]
        constraints = [
            models.UniqueConstraint(fields=["state"], condition=Q(state="running"), name="backups_one_at_a_time")
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def path(self) -> Path:
        return Path(self.file)

    @property
    def name(self) -> str:
        return self.path.name
