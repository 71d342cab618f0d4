"""What the pages of events and of connections share: they are looked at, and never edited."""

from collections.abc import Callable
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from apps.audit.model_admin import LookedAtAdmin

View = Callable[..., HttpResponse]


class WatchedAdmin(LookedAtAdmin):
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
