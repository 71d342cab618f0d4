"""What the pages of events and of connections share: they are looked at, and never edited."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

if TYPE_CHECKING:  # unfold has no types; its ModelAdmin is Django's with another look
    from django.contrib.admin import ModelAdmin
else:
    from unfold.admin import ModelAdmin

View = Callable[..., HttpResponse]


class WatchedAdmin(ModelAdmin):
    """A model that the node's journal fills. Its pages are views of their own, at names that the admin knows."""

    def guarded(self, view: View) -> View:
        """For those who may view the model, signed in, and never cached."""

        def checked(request: HttpRequest, *arguments: Any, **named: Any) -> HttpResponse:
            if not self.has_view_permission(request):
                raise PermissionDenied
            return view(request, *arguments, **named)

        return self.admin_site.admin_view(checked)

    def page(self, request: HttpRequest, template: str, title: str, **facts: Any) -> HttpResponse:
        context = {**self.admin_site.each_context(request), "title": title, "opts": self.opts, **facts}
        return TemplateResponse(request, template, context)

    def fragment(self, request: HttpRequest, template: str, /, **facts: Any) -> HttpResponse:
        """A part of a page, for a script that puts it in its place."""
        return TemplateResponse(request, template, facts)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False
