from django.apps import AppConfig


class ForwardingConfig(AppConfig):
    """Whom peers may reach through the node, and where they may listen on it (docs/forwarding.md)."""

    name = "apps.forwarding"
    label = "forwarding"
    verbose_name = "Access"

    def ready(self) -> None:
        from apps.forwarding.selectors import hanging_rules  # noqa: PLC0415 - the models are not there before
        from apps.forwarding.services import follow_rename, forget  # noqa: PLC0415 - the same
        from apps.peers.hanging import hang  # noqa: PLC0415 - the same
        from apps.peers.services import peer_renamed, peers_removed  # noqa: PLC0415 - the same

        peer_renamed.connect(follow_rename, dispatch_uid="forwarding")
        peers_removed.connect(forget, dispatch_uid="forwarding")
        hang("forwarding rules", hanging_rules)
