"""The pages of the set-up link. Whatever is not right about a request, the answer is the same 404."""

from typing import Any

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_safe
from django.views.generic import FormView

from apps.accounts.sign_in.begin import begin
from apps.panel.setup_form import SetupForm
from apps.panel.setup_link import SetupOver, create_administrator, is_setup_proof, is_setup_token, proof_of

SESSION_KEY = "setup_proof"


@require_safe
@never_cache
def open_setup_link(request: HttpRequest, token: str) -> HttpResponse:
    """Exchange the token in the path for a proof in the session."""
    if not is_setup_token(token):
        raise Http404
    request.session[SESSION_KEY] = proof_of(token)
    response = redirect("setup")
    response["Referrer-Policy"] = "no-referrer"
    return response


@method_decorator([never_cache, sensitive_post_parameters()], name="dispatch")
class SetupFormView(FormView):
    """User name and password of the first administrator."""

    template_name = "panel/setup.html"
    form_class = SetupForm

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not is_setup_proof(request.session.get(SESSION_KEY)):
            raise Http404
        return super().dispatch(request, *args, **kwargs)

    def form_valid(self, form: SetupForm) -> HttpResponse:
        try:
            user = create_administrator(username=form.cleaned_data["username"], password=form.cleaned_data["password1"])
        except SetupOver:
            raise Http404 from None
        begin(self.request, user)
        return redirect("admin:index")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return admin.site.each_context(self.request) | super().get_context_data(title="Set up", **kwargs)
