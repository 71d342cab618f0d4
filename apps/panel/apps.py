from django.apps import AppConfig
from django.contrib.admin.apps import SimpleAdminConfig


class PanelConfig(AppConfig):
    name = "apps.panel"
    label = "panel"
    verbose_name = "Panel"
    default = True


class PanelAdminConfig(SimpleAdminConfig):
    """Django's admin as the panel. Its pages are found by alknet_site.urls, so that other commands do without them."""

    default_site = "apps.panel.site.PanelSite"
