from django.apps import AppConfig


class LocksConfig(AppConfig):
    name = "apps.locks"
    label = "locks"
    verbose_name = "Access"

    def ready(self) -> None:
        from apps.locks.json_forms import locks_of_peers  # noqa: PLC0415 - the models are not there before
        from apps.locks.services import follow_rename  # noqa: PLC0415 - the same
        from apps.peers.beside import tell  # noqa: PLC0415 - the same
        from apps.peers.services import peer_renamed  # noqa: PLC0415 - the same

        peer_renamed.connect(follow_rename, dispatch_uid="locks")
        tell("locks", locks_of_peers)
