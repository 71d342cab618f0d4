"""The page that answers “may they?”, says which rule decides, and offers what would help."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from apps.access import selectors
from apps.access.forms import SPANS, TesterForm
from apps.access.offers import offer


@require_safe
@never_cache
def tester_page(request: HttpRequest) -> HttpResponse:
    """The form, and below it the answer to what the address asks."""
    form = TesterForm(request.GET if request.GET else None)
    context = {**admin.site.each_context(request), "title": "Access tester", "form": form, "spans": SPANS}
    if form.is_valid() and form.asked is not None:
        found = context["found"] = selectors.check(form.asked)
        helps = offer(form.asked, found)
        context |= {"instead": helps} if isinstance(helps, str) else {"offer": helps, "asked": request.GET.urlencode()}
    return TemplateResponse(request, "access/tester.html", context)
