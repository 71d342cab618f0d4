"""The pages under /account/: of django-allauth those that are of use here, each by its own name.

There is no sign-up, no e-mail and no reset by e-mail, so these have no address at all.
"""

from allauth.account import views as account
from allauth.mfa.base import views as mfa
from allauth.mfa.recovery_codes import views as recovery_codes
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as webauthn
from allauth.socialaccount import views as social
from django.db import transaction
from django.urls import path

from apps.accounts.sign_in.pages import no_access, oidc_callback, oidc_login, sessions
from apps.accounts.sign_in.rows import noted

_whole = transaction.atomic
"""A view whose changes, with their audit rows, are one transaction."""

_NO_PATH = {"object": None}
"""The panel's heading would take what a page is about for a row of a list, and there is none of passkeys."""

urlpatterns = [
    path("login/", account.login, name="account_login"),
    path("logout/", account.logout, name="account_logout"),
    path("inactive/", account.account_inactive, name="account_inactive"),
    path("no-access/", no_access, name="account_no_access"),
    path("reauthenticate/", account.reauthenticate, name="account_reauthenticate"),
    path("password/change/", _whole(account.password_change), name="account_change_password"),
    path("password/set/", _whole(account.password_set), name="account_set_password"),
    path("sessions/", sessions, name="usersessions_list"),
    path("identities/", _whole(social.connections), name="socialaccount_connections"),
    path("identities/cancelled/", social.login_cancelled, name="socialaccount_login_cancelled"),
    path("identities/error/", social.login_error, name="socialaccount_login_error"),
    path("oidc/<str:provider_id>/login/", oidc_login, name="openid_connect_login"),
    path("oidc/<str:provider_id>/callback/", oidc_callback, name="openid_connect_callback"),
    path("2fa/", mfa.index, name="mfa_index"),
    path("2fa/authenticate/", mfa.authenticate, name="mfa_authenticate"),
    path("2fa/reauthenticate/", mfa.reauthenticate, name="mfa_reauthenticate"),
    path("2fa/app/", _whole(totp.activate_totp), name="mfa_activate_totp"),
    path("2fa/app/remove/", _whole(totp.deactivate_totp), name="mfa_deactivate_totp"),
    path("2fa/recovery-codes/", recovery_codes.view_recovery_codes, name="mfa_view_recovery_codes"),
    path(
        "2fa/recovery-codes/generate/",
        noted("user.recovery_codes_made")(recovery_codes.generate_recovery_codes),
        name="mfa_generate_recovery_codes",
    ),
    path("2fa/recovery-codes/download/", recovery_codes.download_recovery_codes, name="mfa_download_recovery_codes"),
    path("2fa/passkeys/", webauthn.list_webauthn, name="mfa_list_webauthn"),
    path("2fa/passkeys/add/", _whole(webauthn.add_webauthn), name="mfa_add_webauthn"),
    path("2fa/passkeys/login/", webauthn.login_webauthn, name="mfa_login_webauthn"),
    path("2fa/passkeys/reauthenticate/", webauthn.reauthenticate_webauthn, name="mfa_reauthenticate_webauthn"),
    path(
        "2fa/passkeys/<int:pk>/remove/",
        _whole(webauthn.RemoveWebAuthnView.as_view(extra_context=_NO_PATH)),
        name="mfa_remove_webauthn",
    ),
    path(
        "2fa/passkeys/<int:pk>/edit/",
        noted("user.second_factor_renamed")(webauthn.EditWebAuthnView.as_view(extra_context=_NO_PATH)),
        name="mfa_edit_webauthn",
    ),
]
