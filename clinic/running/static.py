"""Static files under names that carry their content's hash, so that browsers may keep them for ever."""

from whitenoise.storage import CompressedManifestStaticFilesStorage

# Not used by us; their comments name TypeScript types as `import("../htmx")`, which looks like a module that is missing.
UNUSED_EXTENSIONS = "django_htmx/ext/"


class HashedStaticFiles(CompressedManifestStaticFilesStorage):
    # Our modules import one another: without this a hashed module would ask for its neighbours' old names.
    support_js_module_import_aggregation = True

    def url_converter(self, name, hashed_files, template=None):
        if name.startswith(UNUSED_EXTENSIONS):
            return lambda found: found["matched"]
        return super().url_converter(name, hashed_files, template)
