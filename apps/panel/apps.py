from django.apps import AppConfig
from django.contrib.admin.apps import SimpleAdminConfig
from django.db.models.signals import post_save


class PanelConfig(AppConfig):
    name = "apps.panel"
    label = "panel"
    verbose_name = "Panel"
    default = True

    def ready(self) -> None:
        from apps.panel.setup_link import note_administrator  # noqa: PLC0415 - models are not loaded before

        post_save.connect(note_administrator, sender="auth.User")


class PanelAdminConfig(SimpleAdminConfig):
    """Django's admin as the panel. Its pages are found by alknet_site.urls, so that other commands do without them."""

    default_site = "apps.panel.site.PanelSite"
