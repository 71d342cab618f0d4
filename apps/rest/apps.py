from django.apps import AppConfig
from django.urls import register_converter


class RestConfig(AppConfig):
    name = "apps.rest"
    label = "rest"

    def ready(self) -> None:
        from apps.rest.paths import NameConverter  # noqa: PLC0415 - once the settings are there

        register_converter(NameConverter, "name")
