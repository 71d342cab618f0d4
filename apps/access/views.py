"""The page that answers “may they?”, and says which rule decides."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from apps.access import selectors
from apps.access.forms import TesterForm


@require_safe
@never_cache
def tester_page(request: HttpRequest) -> HttpResponse:
    """The form, and below it the answer to what the address asks."""
    form = TesterForm(request.GET if request.GET else None)
    found = selectors.check(form.asked) if form.is_valid() and form.asked is not None else None
    context = {**admin.site.each_context(request), "title": "Access tester", "form": form, "found": found}
    return TemplateResponse(request, "access/tester.html", context)
