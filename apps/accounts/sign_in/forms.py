"""django-allauth's forms for a code, and for a password besides the sign-in, with the same count of failures."""

from allauth.account.forms import ChangePasswordForm as AllauthChangePasswordForm
from allauth.core import context
from allauth.mfa.base import forms
from django.core.exceptions import ValidationError

from apps.accounts.sign_in import lockout


class AuthenticateForm(forms.AuthenticateForm):
    def clean_code(self) -> str:
        with lockout.attempt_code(context.request, self.user.get_username()):
            code: str = super().clean_code()
        return code


class ReauthenticateForm(forms.ReauthenticateForm):
    def clean_code(self) -> str:
        with lockout.attempt_code(context.request, self.user.get_username()):
            code: str = super().clean_code()
        return code


class ChangePasswordForm(AllauthChangePasswordForm):
    """Whoever finds a screen unlocked may guess the old password as seldom as at the sign-in page.

    The page is one transaction, so that here too one is looked at after the other.
    """

    def clean_oldpassword(self) -> str:
        lockout.refuse_if_locked(context.request, self.user.get_username())
        try:
            old: str = super().clean_oldpassword()
        except ValidationError:
            lockout.failed(context.request, self.user.get_username())
            raise
        return old
