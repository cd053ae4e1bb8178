"""Send what is due, one delivery at a time. Several threads and processes may do so at once."""

import http.client
import logging
import ssl
import time
from datetime import timedelta
from http import HTTPStatus
from typing import Any

from django.utils import timezone
from django.utils.translation import override

from classifier.models import WebhookDelivery, WebhookEndpoint
from classifier.models.webhook import Disabled
from classifier.problems import Problem
from classifier.webhooks import address, posting, signing

logger = logging.getLogger(__name__)


def send_due(limit: int = 100) -> int:
    """Send up to `limit` deliveries that are due, the longest due first; returns how many."""
    WebhookDelivery.objects.give_up_lost()
    for sent in range(limit):
        row = WebhookDelivery.objects.claim()
        if row is None:
            return sent
        send(row)
    return limit


def send(row: WebhookDelivery) -> None:
    """Make one attempt at a claimed delivery, and record how it went."""
    started, at = time.monotonic(), timezone.now()
    status, error, pause = attempt(row)
    entry = {
        "at": at.isoformat(timespec="milliseconds"),
        "status": status,
        "error": error,
        "ms": round((time.monotonic() - started) * 1000),
    }
    record(row, entry, pause)


def attempt(row: WebhookDelivery) -> tuple[int | None, str, timedelta]:
    """The receiver's status, what went wrong, and for how long it asks to be left alone."""
    try:
        answer = post(row)
    except Problem as problem:
        with override("en"):
            return None, problem.detail[:300], timedelta(0)
    except (OSError, http.client.HTTPException) as error:
        return None, told(error)[:300], timedelta(0)
    if 200 <= answer.status < 300:
        return answer.status, "", timedelta(0)
    return answer.status, answer_error(answer.status), answer.retry_after


def post(row: WebhookDelivery) -> posting.Answer:
    with override("en"):  # the log is one, whatever language the worker speaks
        target = address.resolve(row.endpoint.url)
    signed = signing.headers(str(row.pk), int(time.time()), row.payload, row.endpoint.secrets)
    headers = {"Content-Type": "application/json", "User-Agent": "Kadr-Webhooks/1", **signed}
    return posting.post(target, headers, row.payload.encode())


def record(row: WebhookDelivery, entry: dict[str, Any], pause: timedelta) -> None:
    endpoint = WebhookEndpoint.objects.filter(pk=row.endpoint_id)
    if not entry["error"]:
        endpoint.note_success()
        WebhookDelivery.objects.mark_delivered(row, entry)
        return
    logger.warning("webhook %s, attempt %s: %s", row.pk, row.attempt, entry["error"])
    endpoint.note_failure()
    if entry["status"] == HTTPStatus.GONE:
        endpoint.disable(Disabled.GONE)
        WebhookDelivery.objects.mark_failed(row, entry)
    else:
        WebhookDelivery.objects.retry(row, entry, not_before=pause)


def answer_error(status: int) -> str:
    if 300 <= status < 400:
        return f"HTTP {status}: redirects are not followed"
    return f"HTTP {status}"


def told(error: OSError | http.client.HTTPException) -> str:
    """What went wrong, without the words of a traceback."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate is not valid: {error.verify_message}"
    if isinstance(error, TimeoutError):
        return f"no answer within {posting.TIMEOUT:.0f} s"
    if isinstance(error, http.client.RemoteDisconnected | ConnectionError):
        return f"the connection broke: {type(error).__name__}"
    if isinstance(error, http.client.HTTPException):
        return f"the answer is not HTTP: {type(error).__name__}"
    return f"no connection: {error.strerror or type(error).__name__}"
