"""Stratum's project package and ground floor: who works here, where and when."""

from clinic.celery import app as celery_app

__all__ = ["celery_app"]
