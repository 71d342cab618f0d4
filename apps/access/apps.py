from django.apps import AppConfig


class AccessConfig(AppConfig):
    """May they, and why; and what must go on being so."""

    name = "apps.access"
    label = "access"
    verbose_name = "Access"

    def ready(self) -> None:
        from apps.access.selectors import hanging_grants  # noqa: PLC0415 - the same
        from apps.access.services import assertions, grants  # noqa: PLC0415 - the models are not there before
        from apps.audit.services import recorded  # noqa: PLC0415 - the same
        from apps.peers.hanging import hang  # noqa: PLC0415 - the same
        from apps.peers.services import peer_renamed, peers_added, peers_removed  # noqa: PLC0415 - the same

        peer_renamed.connect(assertions.follow_rename, dispatch_uid="access")
        peer_renamed.connect(grants.follow_rename, dispatch_uid="grants")
        peers_removed.connect(grants.forget, dispatch_uid="grants")
        peers_added.connect(grants.forget_added, dispatch_uid="grants")
        hang("grants", hanging_grants)
        recorded.connect(assertions.guard, dispatch_uid="access")
