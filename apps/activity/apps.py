from django.apps import AppConfig


class ActivityConfig(AppConfig):
    name = "apps.activity"
    label = "activity"
    verbose_name = "What happens"

    def ready(self) -> None:
        from apps.accounts.signals import access_changed  # noqa: PLC0415 - for one manner of importing here
        from apps.activity import live  # noqa: PLC0415 - the same
        from apps.activity.services import forget_namesakes, rename_peer  # noqa: PLC0415 - the models are not there before
        from apps.peers.services import peer_renamed, peers_added  # noqa: PLC0415 - the same

        peer_renamed.connect(rename_peer, dispatch_uid="activity")
        peers_added.connect(forget_namesakes, dispatch_uid="activity")
        access_changed.connect(lambda **_: live.recheck(), weak=False, dispatch_uid="activity")
