"""Celery. A lost queue, a dead broker or a second beat must cost seconds, never a message: PostgreSQL holds them."""

from clinic.settings.environment import VAR

_IMPATIENT = {"max_retries": 1, "interval_start": 0, "interval_step": 0.1, "interval_max": 0.2}

CELERY_TIMEZONE = "UTC"
CELERY_ENABLE_UTC = True
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_SERIALIZER = "json"
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_TIME_LIMIT, CELERY_TASK_SOFT_TIME_LIMIT = 120, 90
CELERY_TASK_PUBLISH_RETRY_POLICY = _IMPATIENT
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_MAX_TASKS_PER_CHILD = 500
CELERY_WORKER_MAX_MEMORY_PER_CHILD = 300_000  # kB
# Our formatter takes addresses out of the log; Celery's own would not.
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_REDIRECT_STDOUTS = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# A worker that gives up on a broker that comes back after an hour would be noticed by patients first.
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
# A booking rings the bell while its browser waits: a broker that swallows packets costs two tries of a second, no more.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 300,
    "socket_connect_timeout": 1,
    "socket_timeout": 1,
    **_IMPATIENT,
}
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR / "beat" / "schedule")
# Intervals in UTC: a crontab skips or repeats at a clock change. `expires`: a tick that waited is not worth running.
CELERY_BEAT_SCHEDULE = {
    "dispatch": {"task": "patients.outbox.tasks.dispatch", "schedule": 30.0, "options": {"expires": 25}},
    "reconcile": {"task": "patients.outbox.tasks.reconcile", "schedule": 60.0, "options": {"expires": 55}},
    "send_staff_mails": {"task": "clinic.tasks.send_staff_mails", "schedule": 30.0, "options": {"expires": 25}},
    # Several times a day: a beat that is started anew counts from nothing.
    "clear_out": {"task": "clinic.tasks.clear_out", "schedule": 6 * 3600.0, "options": {"expires": 3600}},
    "forget_ended_links": {
        "task": "patients.tasks.forget_ended_links",
        "schedule": 6 * 3600.0,
        "options": {"expires": 3600},
    },
    "sweep_photos": {"task": "patients.tasks.sweep_photos", "schedule": 6 * 3600.0, "options": {"expires": 3600}},
    "forget_half_forms": {
        "task": "treatments.tasks.forget_half_forms",
        "schedule": 6 * 3600.0,
        "options": {"expires": 3600},
    },
    "retime_messages": {
        "task": "treatments.tasks.retime_messages",
        "schedule": 6 * 3600.0,
        "options": {"expires": 3600},
    },
}
