from django.apps import AppConfig


class AccessConfig(AppConfig):
    """May they, and why; and what must go on being so."""

    name = "apps.access"
    label = "access"
    verbose_name = "Access"

    def ready(self) -> None:
        from apps.access.services import follow_rename, guard  # noqa: PLC0415 - the models are not there before
        from apps.audit.services import recorded  # noqa: PLC0415 - the same
        from apps.peers.services import peer_renamed  # noqa: PLC0415 - the same

        peer_renamed.connect(follow_rename, dispatch_uid="access")
        recorded.connect(guard, dispatch_uid="access")
