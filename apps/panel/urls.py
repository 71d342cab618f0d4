"""The set-up link's pages; the rest of the panel is the admin site."""

from django.urls import path

from apps.panel.setup_views import SetupFormView, open_setup_link

urlpatterns = [
    path("", SetupFormView.as_view(), name="setup"),
    path("<str:token>/", open_setup_link, name="setup_link"),
    path("<str:token>", open_setup_link),  # cut off in copying: the sign-in page would put the token into its address
]
