"""What demo and tests relax: plain http on localhost, a clock that moves, a mail sink beside the app."""

ALLOWED_LOCAL_HOSTS = ["localhost", "127.0.0.1", "[::1]"]
CLOCK_MOVABLE = True
FIRST_RUN_PAGE = True
# `Secure` and `__Host-` cookies never come back over plain http.
SESSION_COOKIE_NAME = "stratum_session"
CSRF_COOKIE_NAME = "stratum_csrf"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = False
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "http"
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = True
OUTBOX_RELAY_RECORD = "clinic.mailbox.MailboxRecord"
# Static files straight from their folders: no collecting, no hashed names.
WHITENOISE_USE_FINDERS = True
STATIC_ROOT = None
