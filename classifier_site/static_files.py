"""How static files are collected: under names that change with what is in them."""

from whitenoise.storage import CompressedManifestStaticFilesStorage

from classifier.script_modules import IMPORT


class StaticFilesStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # no types
    """Our own modules import each other by those names too, so a browser that has kept an old one
    never mixes it with new ones.

    Django offers the same for every script (`support_js_module_import_aggregation`), by patterns
    that also read the megabytes of others' scripts and take comments for imports."""

    patterns = (
        *CompressedManifestStaticFilesStorage.patterns,
        ("classifier/*.js", ((IMPORT, 'import %(names)s"%(url)s";'),)),
    )
    # A name is final a pass after those that are imported have theirs, in whatever order the
    # folder lists them. Django's 5 are for style sheets; a circle of imports would never end.
    max_post_process_passes = 30
