"""Static files under names that carry their content's hash, so that browsers may keep them for ever."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedStaticFiles(CompressedManifestStaticFilesStorage):
    # Our modules import one another: without this a hashed module would ask for its neighbours' old names.
    support_js_module_import_aggregation = True
