from django.apps import AppConfig


class HealthConfig(AppConfig):
    """No tables: what is asked is how things are now."""

    name = "apps.health"
    label = "health"
    verbose_name = "Health"
