"""What the surroundings tell us: variables, folders, addresses. Starts nothing and touches no file."""

from pathlib import Path

import environ

from clinic.embedded import Postgres, Redis

env = environ.Env()
BASE_DIR = Path(__file__).resolve().parents[2]
VAR = Path(env.str("STRATUM_VAR", default=str(BASE_DIR / "var"))).absolute()


def database(url: str, *, movable_clock: bool = False, **parameters: str) -> dict:
    """Django's description of a PostgreSQL address. `?host=/folder` names the folder of a Unix socket.

    `movable_clock` lets `clinic_now()` follow the demo's offset; a production connection never says so, and the
    function then answers `now()` whatever the table holds. `parameters` are the server's own, for every session.
    """
    described = environ.Env.db_url_config(url)
    options = described.setdefault("OPTIONS", {})
    described["HOST"] = options.pop("host", described["HOST"])
    if movable_clock:
        parameters |= {"stratum.movable_clock": "on"}
    if parameters:
        told = " ".join(f"-c {name}={value}" for name, value in parameters.items())
        options["options"] = f"{options.get('options', '')} {told}".strip()
    return described | {
        "ENGINE": "django.db.backends.postgresql",
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
    }


def broker(url: str) -> str:
    """Celery's spelling of a Redis address: it calls a Unix socket `redis+socket`."""
    return url.replace("unix://", "redis+socket://", 1) if url.startswith("unix://") else url


def embedded_database_url(home: Path = VAR) -> str:
    """Where `make run` keeps PostgreSQL, running or not."""
    return Postgres(home / "postgres").url


def embedded_redis_url(home: Path = VAR) -> str:
    """Where `make run` keeps Redis, running or not."""
    return Redis(home / "redis").url
