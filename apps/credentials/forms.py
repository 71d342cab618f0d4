"""The panel's form of a credential. Its content goes one way: what was typed is never on a page again."""

from typing import Any

from django import forms
from django.views.decorators.debug import sensitive_variables
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from alknet_site.form_errors import show_errors
from apps.credentials import selectors, services
from apps.credentials.errors import NotSealed
from apps.credentials.models import Credential
from node.core.capabilities import Secret
from node.core.credentials import MAX_CONTENT, EncryptedData, InvalidCredential


class WriteOnlyTextarea(UnfoldAdminTextareaWidget):
    """A text area of dots. It is empty on every page, also on the one that tells of a mistake."""

    def __init__(self) -> None:
        attrs = {"rows": 4, "autocomplete": "off", "autocapitalize": "off", "spellcheck": "false"}
        super().__init__(attrs | {"class": "alknet-mono alknet-concealed"})

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context(name, None, attrs)
        return context


class ContentField(forms.CharField):
    """A text as it was before a browser made its line ends two characters, wrapped so that nothing shows it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(strip=False, widget=WriteOnlyTextarea, **options)

    @sensitive_variables()
    def clean(self, value: Any) -> Any:
        text = super().clean(value).replace("\r\n", "\n").removesuffix("\n")
        if not text:
            raise forms.ValidationError(self.error_messages["required"], code="required")
        if len(text.encode(errors="surrogatepass")) > MAX_CONTENT:
            raise forms.ValidationError(f"A content has at most {MAX_CONTENT} bytes.", code="max_length")
        return Secret(text)


class CredentialForm(forms.ModelForm):
    """A provider and its content, which this form has sealed when it is valid. Storing it is the services' work."""

    provider = forms.CharField(
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text="The name by which a handler's settings ask for it, such as openai or github.",
        error_messages={"required": "A credential needs the name of its provider."},
        strip=False,
    )
    content = ContentField(
        help_text="An API key, a token, a private key. It is sealed at once, and cannot be shown again to anybody.",
        error_messages={"required": "A credential needs a content."},
    )

    class Meta:
        model = Credential
        fields = ["provider"]

    sealed: EncryptedData | None = None

    def full_clean(self) -> None:
        """A page that tells of a mistake has the field empty, and says that it has to be filled again."""
        super().full_clean()
        if self.is_bound and self.errors and self.data.get(self.add_prefix("content")):
            self["content"].help_text = "Put it in again: a content is never sent back to a page."

    @sensitive_variables()
    def clean(self) -> dict[str, Any]:
        """Sealing comes last: nothing is shown to the node that would not be stored."""
        cleaned = super().clean() or self.cleaned_data
        content = cleaned.pop("content", None)
        if content is None or not self._may_have(self._provider()):
            return cleaned
        try:
            self.sealed = services.seal_content(provider=self._provider(), content=content)
        except InvalidCredential as error:
            show_errors(self, error)
        except NotSealed as error:
            self.add_error(None, f"{error} Nothing was saved.")
        return cleaned

    def validate_unique(self) -> None:
        """`clean` did, before anything was sealed."""

    def _provider(self) -> str:
        """What was typed, or the one whose page this is, which has no field for it."""
        return self.cleaned_data.get("provider", "") if self.instance._state.adding else str(self.instance.pk)

    def _may_have(self, provider: str) -> bool:
        if not self.instance._state.adding:
            return True
        if selectors.find_key_version(provider) is not None:
            self.add_error("provider", f"There is a credential “{provider}” already. Its own page replaces it.")
        return not self.errors
