"""The panel is the admin site at the root; the set-up link goes before it, since the admin answers every path."""

from django.contrib import admin
from django.urls import include, path, re_path

from alknet_site.api import api
from apps.access.views import tester_page
from apps.accounts.requires import requires
from apps.accounts.rights import Right
from apps.forwarding.views import tester_page as forwarding_page
from apps.health.views import health_page, panel_ready, ready
from apps.panel.dashboard import dashboard_parts
from apps.panel.field_pages import check_field, complete_field
from apps.panel.job_pages import job_page
from apps.rest.views import nothing_here

admin.autodiscover()

handler500 = "alknet_site.failures.answer_failure"
urlpatterns = [
    path("readyz", ready, name="readyz"),
    path("readyz/panel", panel_ready, name="readyz_panel"),
    path("health/", requires(Right.STATUS_READ)(health_page), name="health"),
    path("access/", requires(Right.ACCESS_READ)(tester_page), name="access_tester"),
    path("forwarding/", requires(Right.FORWARDING_READ)(forwarding_page), name="forwarding_tester"),
    path("fields/<str:kind>/check/", requires(Right.PEERS_READ)(check_field), name="field_check"),
    path("fields/<str:kind>/complete/", requires(Right.PEERS_READ)(complete_field), name="field_complete"),
    path("jobs/<str:job>/", admin.site.admin_view(job_page), name="job"),
    path("now/", admin.site.admin_view(dashboard_parts), name="dashboard_parts"),
    path("api/v1/", api.urls),
    re_path("^api(/|$)", nothing_here),
    path("setup/", include("apps.panel.urls")),
    path("account/", include("apps.accounts.sign_in.urls")),
    path("", admin.site.urls),
]
