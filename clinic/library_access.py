"""Who may use the views of django-allauth, by URL name. What is not listed here answers 404.

None: the library itself holds the door (signing in is for strangers; half-way through a second factor nobody is
signed in yet).
"""

from clinic.roles import Access, Role

SIGNED_IN = Access(frozenset(Role), ("GET", "HEAD", "POST"))

LIBRARY_ACCESS: dict[str, Access | None] = {
    "account_login": None,
    "account_logout": None,
    "account_reset_password": None,
    "account_reset_password_done": None,
    "account_reset_password_from_key": None,
    "account_reset_password_from_key_done": None,
    "account_inactive": None,
    "mfa_authenticate": None,
    "mfa_login_webauthn": None,
    "account_change_password": SIGNED_IN,
    "account_reauthenticate": SIGNED_IN,
    "mfa_reauthenticate": SIGNED_IN,
    "mfa_reauthenticate_webauthn": SIGNED_IN,
    "mfa_index": SIGNED_IN,
    "mfa_activate_totp": SIGNED_IN,
    "mfa_deactivate_totp": SIGNED_IN,
    "mfa_view_recovery_codes": SIGNED_IN,
    "mfa_generate_recovery_codes": SIGNED_IN,
    "mfa_download_recovery_codes": SIGNED_IN,
    "mfa_list_webauthn": SIGNED_IN,
    "mfa_add_webauthn": SIGNED_IN,
    "mfa_edit_webauthn": SIGNED_IN,
    "mfa_remove_webauthn": SIGNED_IN,
}
