from django.apps import AppConfig, apps
from django.contrib.admin.apps import SimpleAdminConfig
from django.db.models.signals import post_save

GROUPS = {"auth": "Administration", "audit": "Administration", "backups": "Administration"}
"""What the side bar calls an app; the path above a page says the same."""


class PanelConfig(AppConfig):
    name = "apps.panel"
    label = "panel"
    verbose_name = "Lists"
    default = True

    def ready(self) -> None:
        from apps.panel.setup_link import note_administrator  # noqa: PLC0415 - models are not loaded before

        post_save.connect(note_administrator, sender="auth.User")
        for label, title in GROUPS.items():
            apps.get_app_config(label).verbose_name = title


class PanelAdminConfig(SimpleAdminConfig):
    """Django's admin as the panel. Its pages are found by alknet_site.urls, so that other commands do without them."""

    default_site = "apps.panel.site.PanelSite"
