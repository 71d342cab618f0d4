"""Django's settings, taken from the appliance's own (node.settings). Nothing in here is a secret.

DEBUG is always off: this file runs on people's machines, and a traceback page shows what it should not.
"""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.utils.functional import lazy

from node.core.address import parse_host_port
from node.secret_file import read_or_make_secret
from node.settings import load_settings

ALKNET = load_settings().settings
PATHS = ALKNET.paths
BASE_DIR = Path(__file__).resolve().parent.parent

DEBUG = False
# Made at first use: a command that signs nothing leaves no file behind.
SECRET_KEY = lazy(lambda: read_or_make_secret(PATHS.web_secret_key), str)()

ROOT_URLCONF = "alknet_site.urls"
ASGI_APPLICATION = "alknet_site.asgi.application"
INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "apps.panel.apps.PanelAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "django_htmx",
    "ninja",
    "alknet_site",
    "apps.accounts",
    "apps.peers",
    "apps.credentials",
    "apps.locks",
    "apps.access",
    "apps.forwarding",
    "apps.enrolment",
    "apps.notify",
    "apps.audit",
    "apps.backups",
    "apps.activity",
    "apps.tokens",
    "apps.rest",
    "apps.health",
    "apps.panel",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "alknet_site.security_headers.SecurityHeadersMiddleware",
    "alknet_site.static_files.StaticFilesMiddleware",
    "apps.audit.middleware.RequestIdMiddleware",
    "apps.rest.middleware.ApiMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "apps.panel.parts.PartsMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "apps.accounts.sign_in.step_up.StepUpMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "apps.accounts.sign_in.look.account_pages",
            ],
        },
    },
]

FORM_RENDERER = "apps.panel.form_renderer.PanelRenderer"

DATABASES = {
    "default": {
        "ENGINE": "alknet_site.database",
        "NAME": PATHS.database,
        "OPTIONS": {
            "timeout": 5,
            # A transaction takes the write lock when it begins: a reader that turns writer cannot fail half-way.
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON; "
            # In KiB: what a list of ten thousand peers goes through. With SQLite's own 2 MB it is read anew each time.
            "PRAGMA cache_size=-8192",
        },
    },
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

LANGUAGE_CODE = "en"
USE_I18N = False
FORMAT_MODULE_PATH = ["alknet_site.formats"]
TIME_ZONE = "UTC"
USE_TZ = True

# One process serves the panel: what open pages are told stays in its memory. With several, they need a layer that they
# share, and its package.
CHANNEL_LAYERS = {"default": {"BACKEND": ALKNET.live.layer, "CONFIG": dict(ALKNET.live.layer_options)}}

# What is uploaded stays in memory (alknet_site.body_limit bounds it): no file is left where a process is killed.
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.MemoryFileUploadHandler"]
FILE_UPLOAD_MAX_MEMORY_SIZE = 4 * 1024 * 1024

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATICFILES_FINDERS = [
    "alknet_site.static_files.HtmxFinder",
    "django.contrib.staticfiles.finders.FileSystemFinder",
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
]
WHITENOISE_USE_FINDERS = True
WHITENOISE_ALLOW_ALL_ORIGINS = False
WHITENOISE_MAX_AGE = 300

LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"
AUTHENTICATION_BACKENDS = ["apps.accounts.backends.RoleBackend"]
STEP_UP_SECONDS: int | None = 600
ACCOUNT_ADAPTER = "apps.accounts.sign_in.account_adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
ACCOUNT_FORMS = {"change_password": "apps.accounts.sign_in.forms.ChangePasswordForm"}
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_RATE_LIMITS = False  # apps.accounts.sign_in.lockout counts, in the database
ACCOUNT_REAUTHENTICATION_TIMEOUT = STEP_UP_SECONDS
ACCOUNT_SESSION_REMEMBER = True
SOCIALACCOUNT_ADAPTER = "apps.accounts.sign_in.social_adapter.SocialAdapter"
SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"OAUTH_PKCE_ENABLED": True}}
SOCIALACCOUNT_QUERY_EMAIL = False
MFA_ADAPTER = "apps.accounts.sign_in.mfa_adapter.MFAAdapter"
MFA_FORMS = {
    "authenticate": "apps.accounts.sign_in.forms.AuthenticateForm",
    "reauthenticate": "apps.accounts.sign_in.forms.ReauthenticateForm",
}
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_TOTP_ISSUER = "Alknet"
MFA_TOTP_TOLERANCE = 1
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]


def _allowed_hosts() -> list[str]:
    """The names under which this machine's own browsers reach the panel, and those that the operator adds."""
    host = parse_host_port(ALKNET.panel.listen)[0]
    names = ["localhost", "127.0.0.1", "[::1]", *ALKNET.panel.allowed_hosts]
    if host not in ("0.0.0.0", "::"):  # noqa: S104 — compared, not bound: a wildcard is nobody's name
        names.append(_bracketed(host))
    if PUBLIC_URL:
        names.append(_bracketed(urlsplit(PUBLIC_URL).hostname or ""))
    return list(dict.fromkeys(names))


def _bracketed(host: str) -> str:
    """A host as it stands in a URL."""
    return f"[{host}]" if ":" in host else host


PUBLIC_URL = ALKNET.panel.public_url
BEHIND_TLS = PUBLIC_URL is not None and PUBLIC_URL.startswith("https://")
ALLOWED_HOSTS = _allowed_hosts()
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL] if PUBLIC_URL else []
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Strict"
CSRF_COOKIE_SECURE = BEHIND_TLS
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if BEHIND_TLS else "http"  # of the address that an identity provider leads to
SESSION_COOKIE_NAME = "alknet_session"
SESSION_COOKIE_SECURE = BEHIND_TLS
SESSION_COOKIE_SAMESITE = "Lax"  # a link from elsewhere, and the way back from an identity provider, find one signed in
SESSION_COOKIE_AGE = 7 * 24 * 3600
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

DEFAULT_EXCEPTION_REPORTER_FILTER = "alknet_site.error_reports.AlwaysSafe"
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"no_setup_token": {"()": "alknet_site.log_filter.SetupTokenFilter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "filters": ["no_setup_token"]}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {"django": {"handlers": [], "level": "WARNING", "propagate": True}},
}

UNFOLD = {
    "ACCOUNT": {"navigation": "apps.panel.navigation.account"},
    "SITE_TITLE": "Alknet",
    "SITE_HEADER": "Alknet",
    "SITE_SUBHEADER": "Networking appliance",
    "SITE_URL": None,
    "SITE_SYMBOL": "hub",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": "/static/panel/favicon.svg"}],
    "STYLES": ["/static/panel/theme.css", "/static/panel/panel.css"],
    "SHOW_BACK_BUTTON": True,
    "SHOW_VIEW_ON_SITE": False,
    "DASHBOARD_CALLBACK": "apps.panel.dashboard.dashboard_context",
    "SIDEBAR": {"navigation": "apps.panel.navigation.sidebar"},
}
