"""What the panel's pages of peers and of API keys share."""

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse

from apps.audit.model_admin import AuditedModelAdmin
from apps.peers.errors import Absent
from node.core.peers import InvalidPeer

if TYPE_CHECKING:  # unfold has no types; its list is Django's with another look
    from django.contrib.admin.views.main import ChangeList
else:
    from unfold.views import ChangeList


class _Listed(ChangeList):
    """The theme asks for the addresses of all headings anew for each cell: each is made once."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._addresses: dict[Any, str] = {}
        super().__init__(*args, **kwargs)

    def get_query_string(self, new_params: Any = None, remove: Any = None) -> str:
        asked = (tuple((new_params or {}).items()), tuple(remove or ()))
        try:
            return self._addresses[asked]
        except KeyError:
            made = self._addresses[asked] = super().get_query_string(new_params, remove)
            return made
        except TypeError:  # a list is asked for, which is no key
            return super().get_query_string(new_params, remove)


class AccessAdmin(AuditedModelAdmin):
    """A refusal in the middle of a list action is a message on the page, and nothing is written."""

    list_per_page = 50

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        return _Listed

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, str] | None = None) -> HttpResponse:
        try:
            return super().changelist_view(request, extra_context)
        except (Absent, InvalidPeer) as error:
            return self._refused(request, error)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """What only the change itself shows to be wrong is a message as well."""
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except (Absent, InvalidPeer) as error:
            return self._refused(request, error)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        try:
            return super().delete_view(request, object_id, extra_context)
        except (Absent, InvalidPeer) as error:
            return self._refused(request, error)

    def _refused(self, request: HttpRequest, error: Exception) -> HttpResponse:
        self.message_user(request, f"Nothing was changed: {error}", messages.ERROR)
        return HttpResponseRedirect(request.get_full_path())

    def page(self, request: HttpRequest, obj: Model, template: str, **facts: Any) -> HttpResponse:
        """One of the model's own pages about `obj`. The admin's views are never cached."""
        context = {
            **self.admin_site.each_context(request),
            "title": str(obj),
            "opts": self.opts,
            "original": obj,
            **facts,
        }
        return TemplateResponse(request, template, context)
