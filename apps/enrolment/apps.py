from django.apps import AppConfig


class EnrolmentConfig(AppConfig):
    name = "apps.enrolment"
    label = "enrolment"
    verbose_name = "Access"

    def ready(self) -> None:
        from apps.activity.services import events_imported  # noqa: PLC0415 - the models are not there before
        from apps.enrolment.services.admission import follow_rename  # noqa: PLC0415 - the same
        from apps.enrolment.services.strangers import forget_known, meet  # noqa: PLC0415 - the same
        from apps.peers.services import peer_renamed, peers_added  # noqa: PLC0415 - the same

        events_imported.connect(meet, dispatch_uid="enrolment")
        peers_added.connect(forget_known, dispatch_uid="enrolment")
        peer_renamed.connect(follow_rename, dispatch_uid="enrolment")
