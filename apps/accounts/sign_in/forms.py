"""django-allauth's forms for a code, with the same count of failures as a password has."""

from allauth.core import context
from allauth.mfa.base import forms

from apps.accounts.sign_in import lockout


class AuthenticateForm(forms.AuthenticateForm):
    def clean_code(self) -> str:
        lockout.refuse_if_locked(context.request, self.user.get_username())
        code: str = super().clean_code()
        return code


class ReauthenticateForm(forms.ReauthenticateForm):
    def clean_code(self) -> str:
        lockout.refuse_if_locked(context.request, self.user.get_username())
        code: str = super().clean_code()
        return code
