"""The page that answers “may it be forwarded?”, and says which rule decides."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from apps.forwarding.forms import ForwardingTesterForm
from apps.forwarding.tester import answer


@require_safe
@never_cache
def tester_page(request: HttpRequest) -> HttpResponse:
    """The form, and above it the answer to what the address asks. A peer alone is no question yet."""
    known = request.GET.get("peer_id", "")
    form = ForwardingTesterForm(request.GET if request.GET.keys() - {"peer_id"} else None, initial={"peer_id": known})
    context = {**admin.site.each_context(request), "title": "Forwarding tester", "form": form}
    if form.is_valid() and form.asked is not None:
        context["found"] = answer(form.asked)
    return TemplateResponse(request, "forwarding/tester.html", context)
