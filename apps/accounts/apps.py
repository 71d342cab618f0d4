from importlib import import_module

from django.apps import AppConfig, apps


class AccountsConfig(AppConfig):
    name = "apps.accounts"
    label = "accounts"
    verbose_name = "Administration"
    default = True

    def ready(self) -> None:
        if apps.is_installed("allauth.mfa"):  # which commands without the panel do without
            import_module("apps.accounts.sign_in.rows").connect()
