from django.apps import AppConfig


class PatientsConfig(AppConfig):
    name = "patients"

    def ready(self) -> None:
        from patients import sentences  # noqa: F401  (registers what our constraints mean)
