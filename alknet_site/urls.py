"""The panel is the admin site at the root; the set-up link goes before it, since the admin answers every path."""

from django.contrib import admin
from django.urls import include, path

admin.autodiscover()

handler500 = "alknet_site.failures.answer_failure"
urlpatterns = [
    path("setup/", include("apps.panel.urls")),
    path("", admin.site.urls),
]
