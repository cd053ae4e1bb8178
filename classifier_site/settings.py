"""All settings. Nothing else in the web and worker processes reads the environment."""

import hashlib
import os
import sys
import tempfile
from pathlib import Path

from celery.schedules import crontab
from django.utils.translation import gettext_lazy as _

from classifier_site import environment as env
from ml import manifest

BASE_DIR = Path(__file__).resolve().parent.parent

# Where it listens, what it keeps
HOST = env.text("KADR_HOST", "127.0.0.1")
PORT = env.number("PORT", 8080, least=1)
DATA = Path(env.text("KADR_DATA", str(BASE_DIR / "data"))).expanduser().resolve()
TEMPORARY = DATA / "tmp"
MODEL_FOLDER = Path(env.text("KADR_MODEL", str(manifest.DEFAULT))).resolve()
ENGINE = env.choice("KADR_ENGINE", manifest.DEFAULT_ENGINE, manifest.ENGINES)  # see ml/engines/

# Where models lie: one's own beside the data, and those that ship. KADR_MODEL serves until another
# is activated.
MODEL_FOLDERS = [DATA / "models", manifest.MODELS]

# Security
SECRET_KEY = env.secret("KADR_SECRET_KEY", kept_in=DATA / "secret_key")
DEBUG = env.switch("KADR_DEBUG", False)
ALLOWED_HOSTS = env.words("KADR_HOSTS", "localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = env.words("KADR_ORIGINS", "")
HTTPS = env.switch("KADR_HTTPS", False)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 7 * 24 * 3600 if HTTPS else 0
# For other names of the domain it is not ours to speak (W005, W021).
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SESSION_COOKIE_AGE = 365 * 24 * 3600  # a visitor's history hangs on this cookie
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)

# Uploads
MAX_IMAGE_BYTES = 20 * 1024 * 1024
MAX_IMAGE_PIXELS = 50_000_000
MAX_IMAGES = 50
MAX_ARCHIVE_ENTRIES = 100_000
MAX_ARCHIVE_BYTES = 4 * 1024**3  # unpacked
MAX_SCANS = 100
MAX_BATCH_PARTS = 1000
MAX_BATCH_BYTES = 4 * 1024**3
PREVIEW_SIDE = 256

# Decoding of what is not evidently small, in processes of its own, for each web process. A
# progressive JPEG takes up to 8 bytes a pixel: 400 MB for 50 megapixels in CMYK.
DECODERS = max(2, (os.cpu_count() or 1) // 2)
DECODER_MEMORY = 640 * 1024**2  # bytes of address space
DECODER_CPU_SECONDS = 10  # a picture
DECODE_SECONDS = 30  # by the clock, on a machine that is busy
PIXELS_IN_FLIGHT = 60_000_000
MAX_DECODING = 8  # pictures that wait or are decoded; each holds a thread
DECODE_PATIENCE = 20  # seconds of waiting for a decoder
DECODE_PATIENCE_BATCH = 120

MAX_FORM_BYTES = (
    MAX_IMAGES * MAX_IMAGE_BYTES + 1024**2
)  # a request's whole body; a batch has its own
DATA_UPLOAD_MAX_NUMBER_FILES = MAX_BATCH_PARTS + 1  # the upload handlers count for themselves
DATA_UPLOAD_MAX_NUMBER_FIELDS = MAX_BATCH_PARTS + 20  # a custom_id for each part
FILE_UPLOAD_HANDLERS = [
    "classifier.uploads.CapUploadHandler",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]
FILE_UPLOAD_PERMISSIONS = 0o640

# Predictions. A claim lasts a lease; a worker that hangs for longer than the watchdog allows ends
# itself before that, so that two workers rarely hold the same image.
MICRO_BATCH = env.number("KADR_MICRO_BATCH", 128, least=1)
MAX_ATTEMPTS = 3
RETRY_SECONDS = 10  # before what failed is tried again: a disk or a device may come back
LEASE_SECONDS = 30
WATCHDOG_SECONDS = 25
SWEEP_SECONDS = 5
PURGE_SECONDS = 600
HEARTBEAT_SECONDS = 5
WORKER_SILENT_SECONDS = 20  # no heartbeat for so long: not counted as alive
MAX_WAIT_SECONDS = 30  # the longest `Prefer: wait`
RATE_TOKEN = env.number("KADR_RATE_TOKEN", 6000, least=1)  # requests a minute
RATE_ADDRESS = env.number("KADR_RATE_ADDRESS", 1200, least=1)
# Below that nothing is taken in, so that what is there can still be answered.
FREE_BYTES = env.number("KADR_FREE_MB", 100) * 1024**2
QUEUE_LIMIT = env.number("KADR_QUEUE_LIMIT", 500_000, least=1)  # rows that may wait
EXPORT_LIMIT = env.number("KADR_EXPORT_LIMIT", 20, least=1)  # of one owner, written or not

# What is kept: days after which pictures and answers go, 0 for never; hours in the trash
KEEP_DAYS = env.number("KADR_KEEP_DAYS", 0)
TRASH_HOURS = env.number("KADR_TRASH_HOURS", 24)

# Review: the share of all answers that a person should look at whatever they are, so that accuracy
# is estimated from a random sample; how long an image stays with the reviewer who has it.
AUDIT_SHARE = env.share("KADR_AUDIT_SHARE", 0.02)
REVIEW_LOCK_SECONDS = 300

# The gate (classifier/promotion/): past these a candidate is not promoted unless told why.
GATE_SAMPLE_MOST = 100_000
# Recent answers that it is tried on.
GATE_SAMPLE = env.number("KADR_GATE_SAMPLE", 1000, most=GATE_SAMPLE_MOST)
GATE_REVIEWED = env.number("KADR_GATE_REVIEWED", 50)  # reviewed pictures that are needed
GATE_ACCURACY_DROP = env.share("KADR_GATE_ACCURACY_DROP", 0.01)
GATE_CLASS_DROP = env.share("KADR_GATE_CLASS_DROP", 0.05)
GATE_CALIBRATION = env.share("KADR_GATE_CALIBRATION", 0.03)  # more of calibration error
GATE_FLIPS = env.share("KADR_GATE_FLIPS", 0.2)  # of the recent answers
GATE_SLOWER = env.share("KADR_GATE_SLOWER", 0.5)  # longer for a single picture
TRIAL_PAGE = 64  # pictures that a candidate is given at a time
TRIAL_SECONDS = 150  # that it may take for them, or to start; a lease is a bit longer

# Webhooks go to public addresses over HTTPS, unless told otherwise: for receivers beside Kadr.
WEBHOOK_ALLOW_PRIVATE = env.switch("KADR_WEBHOOK_ALLOW_PRIVATE", False)

# Database: SQLite, or PostgreSQL by DATABASE_URL
DATABASES = {"default": env.database(env.text("DATABASE_URL"), DATA / "kadr.sqlite3")}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Broker and cache: our own Valkey on a Unix socket, or REDIS_URL
EMBEDDED_SOCKET = env.socket_in(
    DATA / "valkey",
    short=Path(env.text("XDG_RUNTIME_DIR", tempfile.gettempdir()))
    / f"kadr-{os.getuid()}-{hashlib.sha256(str(DATA).encode()).hexdigest()[:12]}",
)
BROKER_IS_EMBEDDED = not env.broker("REDIS_URL")
REDIS_URL = env.broker("REDIS_URL") or f"unix://{EMBEDDED_SOCKET}?db=0"
CACHES = {
    "default": {
        "BACKEND": "classifier_site.cache.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "kadr",
        "OPTIONS": {"socket_timeout": 1, "socket_connect_timeout": 1},
    }
}
SESSION_ENGINE = "django.contrib.sessions.backends.db"

# Celery: a message is a bell, the row is the truth (docs/architecture.md)
CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://", 1).replace(
    "?db=", "?virtual_host=", 1
)
# Each process imports only its own tasks (launcher/commands.py); all are sent by name.
CELERY_TASK_DEFAULT_QUEUE = "worker"
CELERY_TASK_ROUTES = {"jobs.*": {"queue": "jobs"}}
CELERY_TASK_SERIALIZER = CELERY_EVENT_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_RESULT_BACKEND = None
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = False  # the lease brings the rows back; the bell need not
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_WORKER_PROC_ALIVE_TIMEOUT = 120  # TensorFlow's import takes longer than the default 4 s
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_DB_REUSE_MAX = sys.maxsize  # tasks: what is kept is said by CONN_MAX_AGE, see celery.py
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
# A frozen broker may hold a request for a second; without a timeout it would hold it for ever.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 120,
    "socket_timeout": 1,
    "socket_connect_timeout": 1,
    "socket_keepalive": True,
    "retry_on_timeout": False,
}
# A worker waits in blocking reads, so it gets longer, and notices a dead connection by itself.
WORKER_BROKER_TRANSPORT_OPTIONS = {
    **CELERY_BROKER_TRANSPORT_OPTIONS,
    "socket_timeout": 5,
    "socket_connect_timeout": 2,
    "health_check_interval": 5,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
}
CELERY_TASK_PUBLISH_RETRY_POLICY = {
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0.1,
    "interval_max": 0.2,
}
CELERY_BEAT_SCHEDULE = {
    name: {"task": f"jobs.tasks.{name}", "schedule": schedule, "options": {"expires": 60}}
    for name, schedule in {
        "sweep": SWEEP_SECONDS,
        "send_webhooks": SWEEP_SECONDS,
        "write_exports": SWEEP_SECONDS,
        "recall": SWEEP_SECONDS,
        "purge": PURGE_SECONDS,
        "tidy": crontab(hour=4, minute=17),
    }.items()
}
# A bell that nobody rang: it shows that messages reach a worker (classifier/bell.py).
CELERY_BEAT_SCHEDULE["canary"] = {
    "task": "worker.tasks.classify",
    "schedule": SWEEP_SECONDS,
    "options": {"expires": 30},
}

# Images
MEDIA_ROOT = DATA / "images"
STATIC_ROOT = Path(env.text("KADR_STATIC", str(DATA / "static")))
STATIC_URL = "static/"
STORAGES = {
    "default": {"BACKEND": "classifier.storage.DurableFileSystemStorage"},
    "staticfiles": {"BACKEND": "classifier_site.static_files.StaticFilesStorage"},
}

# Pages and API
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "classifier",
]
MIDDLEWARE = [
    "classifier.middleware.ProbeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "classifier.middleware.ContentSecurityPolicyMiddleware",
    "classifier.middleware.RateLimitMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "classifier.middleware.BodyLimitMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "classifier.login.KnownBrowserMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "classifier_site.urls"
WSGI_APPLICATION = "classifier_site.wsgi.application"
CSRF_FAILURE_VIEW = "classifier.error_handlers.csrf_failure"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = LOGOUT_REDIRECT_URL = "index"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("MinimumLengthValidator", "CommonPasswordValidator", "NumericPasswordValidator")
]
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "classifier.api.authentication.TokenAuthentication",
        "classifier.api.authentication.VisitorAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["classifier.api.scopes.TokenHasScope"],
    "DEFAULT_THROTTLE_CLASSES": ["classifier.api.throttles.RateThrottle"],
    "NUM_PROXIES": env.number("KADR_PROXIES", 0),  # how many of ours add to X-Forwarded-For
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.MultiPartParser"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "classifier.api.negotiation.Negotiation",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "classifier.error_handlers.exception_handler",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Kadr",
    "DESCRIPTION": "Send a JPEG, get its class.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.1",
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_SPLIT_REQUEST": True,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "classifier.api.schema.complete",
        "classifier.api.examples.illustrate",
    ],
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "ENUM_NAME_OVERRIDES": {
        "PredictionStatus": "classifier.models.Status",
        "BatchStatus": "classifier.models.BatchStatus",
    },
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}

# Language and time. Ukrainian unless the browser asks for English.
LANGUAGE_CODE = "uk"
LANGUAGES = [("uk", _("Ukrainian")), ("en", _("English"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = env.time_zone("KADR_TIME_ZONE", "UTC")
USE_TZ = True

LOG_LEVEL = env.text("KADR_LOG_LEVEL", "INFO").upper()
# At INFO they tell of each task that is due, received and done, and some are every five seconds.
TALKATIVE = ("celery.beat", "celery.worker.strategy", "celery.app.trace")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {} if LOG_LEVEL == "DEBUG" else {name: {"level": "WARNING"} for name in TALKATIVE},
}
