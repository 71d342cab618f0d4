from django.apps import AppConfig


class AccessConfig(AppConfig):
    """May they, and why: asked about how things are now."""

    name = "apps.access"
    label = "access"
    verbose_name = "Access"
