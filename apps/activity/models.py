"""What the web process keeps of the node's journal: events, who is connected, and how far it has read.

Nothing writes these tables but apps.activity.services. All texts were cleaned on their way in (apps.activity.records).
"""

from django.db import models


class Event(models.Model):
    """One event of the journal. `journal` and `number` are its name there; `id` gives the order here."""

    journal = models.CharField(max_length=64)
    number = models.BigIntegerField()
    at = models.DateTimeField("time")
    boot = models.CharField("life of the node", max_length=64)
    kind = models.CharField("what", max_length=32)
    connection = models.BigIntegerField(null=True)
    peer_id = models.CharField("peer", max_length=255, null=True)
    fingerprint = models.CharField("key", max_length=128, null=True)
    alpn = models.CharField("protocol", max_length=255, null=True)
    address = models.CharField(max_length=128, null=True)
    reason = models.CharField(max_length=512, blank=True)
    detail = models.JSONField(default=dict)

    class Meta:
        verbose_name = "event"
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["journal", "number"], name="activity_event_once"),
        ]
        # Each index of SQLite ends with the row's id, so each of these gives its rows in the order of the list.
        indexes = [
            models.Index(fields=["kind"], name="activity_event_kind"),
            models.Index(fields=["peer_id", "kind"], name="activity_event_peer"),
            models.Index(fields=["alpn", "kind"], name="activity_event_alpn"),
            models.Index(fields=["connection", "boot"], name="activity_event_connection"),
            # Whoever counts over time needs nothing else of a row than this.
            models.Index(fields=["at", "kind"], name="activity_event_time"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.number}"


class Connection(models.Model):
    """A connection that is open, as far as the journal tells. A stranger's has no `peer_id`."""

    boot = models.CharField(max_length=64)
    connection = models.BigIntegerField()
    peer_id = models.CharField(max_length=255, null=True)
    fingerprint = models.CharField(max_length=128, null=True)
    alpn = models.CharField(max_length=255, null=True)
    address = models.CharField(max_length=128, null=True)
    since = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["boot", "connection"], name="activity_connection_once"),
        ]
        indexes = [models.Index(fields=["peer_id"], name="activity_connection_peer")]

    def __str__(self) -> str:
        return str(self.connection)


class Presence(models.Model):
    """When a peer was last connected, and from where. A peer that is connected now is in Connection as well."""

    peer_id = models.CharField(max_length=255, primary_key=True)
    last_seen = models.DateTimeField()
    last_address = models.CharField(max_length=128, null=True)
    last_alpn = models.CharField(max_length=255, null=True)

    def __str__(self) -> str:
        return self.peer_id


class Tally(models.Model):
    """How many events of a kind there were in `span` seconds from `start` on, a Unix time (apps.activity.tallies)."""

    span = models.PositiveIntegerField()
    start = models.BigIntegerField()
    kind = models.CharField(max_length=32)
    count = models.PositiveIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["span", "start", "kind"], name="activity_tally_once")]

    def __str__(self) -> str:
        return f"{self.kind} {self.start}: {self.count}"


class PeerTally(models.Model):
    """How many peers were connected in the `span` seconds from `start`: the most at once, and at the last change.

    Where there is no row nothing changed.
    """

    span = models.PositiveIntegerField()
    start = models.BigIntegerField()
    most = models.PositiveIntegerField()
    last = models.PositiveIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["span", "start"], name="activity_peertally_once")]

    def __str__(self) -> str:
        return f"{self.start}: {self.most}"


class Position(models.Model):
    """The last event of a journal that was kept here; `boot` and `at` are that event's. One journal is the `latest`."""

    journal = models.CharField(max_length=64, primary_key=True)
    number = models.BigIntegerField()
    boot = models.CharField(max_length=64, blank=True)
    at = models.DateTimeField()
    latest = models.BooleanField(default=True)

    def __str__(self) -> str:
        return f"{self.journal} {self.number}"
