"""Prints a fresh API token with every right: python -m bench.api_token, with the settings' variables set."""

import django


def main() -> None:
    django.setup()
    from apps.accounts.rights import Right
    from apps.audit.actors import SYSTEM
    from apps.tokens.services import create_token

    print(create_token(actor=SYSTEM, name="bench", rights=list(Right)).text)


if __name__ == "__main__":
    main()
