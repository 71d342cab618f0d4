"""Prints the cookie of a session of a new administrator: python -m bench.session, with the settings' variables set."""

import django


def main() -> None:
    django.setup()
    from django.contrib.auth import get_user_model
    from django.test import Client

    client = Client()
    client.force_login(get_user_model().objects.create_superuser("bench"))
    print("; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items()))


if __name__ == "__main__":
    main()
