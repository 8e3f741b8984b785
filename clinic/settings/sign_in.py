"""Who gets in: by e-mail and password or passkey, with a second factor. Nobody signs up; staff are invited."""

LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_PATH = "/accounts/logout/"
AUTHENTICATION_BACKENDS = ["clinic.accounts.Backend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
PASSWORD_RESET_TIMEOUT = 24 * 3600
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]

ACCOUNT_ADAPTER = "clinic.accounts.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
# The invitation reached the address, which proves more than a link of the library's would.
ACCOUNT_EMAIL_VERIFICATION = "none"
MFA_ALLOW_UNVERIFIED_EMAIL = True
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = True
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https"
# Tight for one account, generous for an address: a whole clinic shares one, and five wrong passwords for one person
# must not keep her colleague out.
ACCOUNT_RATE_LIMITS = {
    "login": "300/5m/ip",
    "login_failed": "200/5m/ip,5/5m/key",
    "reset_password": "100/5m/ip,5/5m/key",
    "reset_password_from_key": "100/5m/ip",
    "signup": "5/5m/ip",
}

MFA_ADAPTER = "clinic.accounts.MFAAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "Stratum"
# One step of 30 seconds either way: a phone's clock is rarely exact.
MFA_TOTP_TOLERANCE = 1
MFA_RATE_LIMITS = {"webauthn_login": "100/m/ip"}
