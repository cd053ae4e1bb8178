"""One of each thing that the API takes or shows, as the examples of its description show it."""

CAT = "01a20e8e-bc68-7f84-aa5d-c9ccca37b201"
BATCH_ID = "01a20e90-1d00-7c3a-9d2e-5b1f0c7a4e11"
EXPORT_ID = "01a20e93-7a10-75e2-8f4b-2c9d6e1b3a55"
ENDPOINT_ID = "01a20e95-0b20-7a6d-b1c8-9e4f2d7c6b77"
SECRET = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="
EVENTS = ["prediction.succeeded", "prediction.failed"]
CREATED = "2026-11-24T17:16:05.096216Z"
STARTED = "2026-11-24T17:16:05.104000Z"
FINISHED = "2026-11-24T17:16:05.115673Z"
LATER = "2026-12-01T17:16:05.096216Z"

PREDICTION = {
    "id": CAT,
    "status": "succeeded",
    "created_at": CREATED,
    "queued_at": CREATED,
    "started_at": STARTED,
    "finished_at": FINISHED,
    "deleted_at": None,
    "restorable_until": None,
    "attempt": 1,
    "source": "api",
    "batch": None,
    "custom_id": "",
    "metadata": {"job": 7},
    "image": {
        "id": "01a20e8e-bc66-70c7-bf89-261e7c4dc61b",
        "name": "cat.jpg",
        "sha256": "07c5a883d3ac0679d979dd166565360e82ecdfcfb2eb959f8b3df24681bbbc24",
        "width": 451,
        "height": 300,
        "bytes": 38702,
        "url": "/images/01a20e8e-bc66-70c7-bf89-261e7c4dc61b.jpg",
    },
    "model": {
        "name": "cifar10_improved-20261124",
        "digest": "7dae5d7d1ccdd23c6a9024cbade946dfb2ffc5654ec3132222843567b13c0ec2",
        "preprocessing": "center-square-area-1",
    },
    "result": {
        "label": "cat",
        "label_localized": "cat",
        "confidence": 0.813603,
        "top": [
            {"label": "cat", "label_localized": "cat", "confidence": 0.813603},
            {"label": "frog", "label_localized": "frog", "confidence": 0.098219},
            {"label": "dog", "label_localized": "dog", "confidence": 0.058556},
        ],
        "set": [{"label": "cat", "label_localized": "cat", "confidence": 0.813603}],
        "off_topic": {"score": -5.1207, "flag": False},
    },
    "recalled": False,
    "corrected": None,
    "error": None,
    "url": f"/predictions/{CAT}/",
}
UNANSWERED = {**PREDICTION, "started_at": None, "finished_at": None, "model": None, "result": None}
QUEUED = {**UNANSWERED, "status": "queued", "attempt": 0}
CANCELED = {**QUEUED, "status": "canceled", "finished_at": FINISHED}
COUNTS = {"queued": 0, "running": 0, "succeeded": 2, "failed": 1, "canceled": 0, "expired": 0}
BATCH = {
    "id": BATCH_ID,
    "status": "completed",
    "outcome": "partial",
    "counts": {"total": 3, **COUNTS},
    "created_at": CREATED,
    "queued_at": CREATED,
    "running_at": STARTED,
    "canceling_at": None,
    "completed_at": FINISHED,
    "canceled_at": None,
    "estimated_finish_at": None,
    "metadata": None,
    "url": f"/api/v1/batches/{BATCH_ID}",
    "items_url": f"/api/v1/batches/{BATCH_ID}/items",
    "results_url": f"/api/v1/batches/{BATCH_ID}/results",
}
NEW_BATCH = {
    **BATCH,
    "status": "queued",
    "outcome": None,
    "counts": {"total": 3, **COUNTS, "queued": 2, "succeeded": 0},
    "running_at": None,
    "completed_at": None,
}
CANCELED_BATCH = {
    **BATCH,
    "status": "canceled",
    "counts": {"total": 3, **COUNTS, "canceled": 1, "succeeded": 1},
    "canceling_at": FINISHED,
    "completed_at": None,
    "canceled_at": FINISHED,
}
ITEM = {**PREDICTION, "source": "batch", "batch": BATCH_ID, "custom_id": "cat.jpg"}
CSV_RESULTS = (
    "custom_id,id,status,label,confidence,error,model,off_topic\r\n"
    f"cat.jpg,{CAT},succeeded,cat,0.813603,,cifar10_improved-20261124,false\r\n"
    "note.txt,01a20e90-1d05-7b11-a3c4-7d2e9f8b6c33,failed,,,UNSUPPORTED_MEDIA_TYPE,,\r\n"
)
LINE_RESULTS = (
    f'{{"custom_id": "cat.jpg", "id": "{CAT}", "status": "succeeded", "result": {{"label": "cat", '
    '"label_localized": "cat", "confidence": 0.813603, "top": [{"label": "cat", "label_localized": '
    '"cat", "confidence": 0.813603}], "set": [{"label": "cat", "label_localized": "cat", '
    '"confidence": 0.813603}], "off_topic": {"score": -5.1207, "flag": false}}, "error": null, '
    '"model": "cifar10_improved-20261124", '
    '"deleted": false}\n'
)
EXPORT = {
    "id": EXPORT_ID,
    "format": "csv",
    "filter": {"label": "cat", "confidence_gte": 0.5},
    "status": "ready",
    "rows": 1,
    "byte_size": 141,
    "error": None,
    "created_at": CREATED,
    "finished_at": FINISHED,
    "expires_at": LATER,
    "url": f"/api/v1/exports/{EXPORT_ID}/file",
}
NOT_WRITTEN = {"status": "queued", "rows": 0, "byte_size": None, "finished_at": None, "url": None}
ENDPOINT_REQUEST = {"url": "https://example.com/kadr", "description": "work", "events": EVENTS}
ENDPOINT = {
    "id": ENDPOINT_ID,
    **ENDPOINT_REQUEST,
    "enabled": True,
    "disabled_reason": "",
    "failing_since": None,
    "warning": "",
    "created_at": CREATED,
}
DELIVERY = {
    "id": "01a20e97-4c30-7d21-9a5b-8f3e1d6c2b99",
    "event": "test",
    "status": "pending",
    "attempt": 0,
    "next_attempt_at": CREATED,
    "last_status": None,
    "last_error": "",
    "created_at": CREATED,
    "delivered_at": None,
    "payload": '{"type":"test","timestamp":"2026-11-24T17:16:05.096Z",'
    f'"data":{{"id":"{ENDPOINT_ID}","status":"test"}}}}',
    "log": [],
}
DELIVERED = {
    **DELIVERY,
    "status": "delivered",
    "attempt": 1,
    "last_status": 204,
    "delivered_at": FINISHED,
    "log": [{"at": FINISHED, "status": 204, "error": "", "ms": 87}],
}
META = {
    "limits": {"image_bytes": 20971520, "image_pixels": 50000000, "batch_items": 100000},
    "rates": {"token": 6000, "address": 1200},
    "models": [
        {
            "id": "cifar10_improved-20261124",
            "name": "cifar10_improved",
            "aliases": ["stable"],
            "labels": ["airplane", "automobile", "bird"],
        }
    ],
    "webhook_events": EVENTS,
}
ATTEMPT = {
    "number": 1,
    "worker": "server:4711",
    "started_at": STARTED,
    "ended_at": FINISHED,
    "outcome": "succeeded",
    "error_code": "",
}
MODEL = {
    "name": "cifar10_improved",
    "id": "cifar10_improved-20261124",
    "digest": "7dae5d7d1ccdd23c6a9024cbade946dfb2ffc5654ec3132222843567b13c0ec2",
    "metrics": {"parameters": 11332138, "test": {"accuracy": 0.8814, "n": 10000}},
}
INSTALLED_MODEL = {**MODEL, "active": True, "labels": ["airplane", "automobile", "bird"]}
MODEL_CARD = {
    **MODEL,
    "architecture": "cifar10_improved",
    "classes": [{"id": "cat", "uk": "кіт", "en": "cat"}],
    "input_size": 32,
    "preprocessing": "center-square-area-1",
    "calibration": {"power": 1.0, "smoothing": 0.2, "temperature": 0.934},
    "thresholds": {"off_topic": -2.9235, "set": 0.142377},
    "off_topic_score": "energy",
    "weights_sha256": "07c5a883d3ac0679d979dd166565360e82ecdfcfb2eb959f8b3df24681bbbc24",
    "data_sha256": "0ac3ab5c78edb36ac68f69e287fd8f957b2d4f820b80e5fa9bd05c810fc0d95d",
    "recipe": {"architecture": "cifar10_improved", "epochs": 40},
    "libraries": {"keras": "3.15.1"},
    "created": CREATED,
    "limits": {
        "hardest_class": "cat",
        "hardest_recall": 0.784,
        "jpeg_loss": 0.0199,
        "least_noticed_kind": "faces",
        "least_noticed": 0.13,
    },
    "card": {"test": {"accuracy": 0.8814, "n": 10000, "ece": 0.0125}},
}
ESTIMATE = {"value": 0.8731, "interval_95": [0.8302, 0.9064], "n": 308, "effective_n": 287.4}
ACCURACY = {
    "since": "2026-10-27T00:00:00Z",
    "until": CREATED,
    "model": None,
    "audit": {
        "state": "ok",
        "drawn": 611,
        "reviewed": 308,
        "stands_for": 30550,
        "complete": True,
    },
    "accuracy": ESTIMATE,
    "accuracy_of_the_classes": ESTIMATE,
    "none_of_the_classes": {
        "value": 0.0227,
        "interval_95": [0.0108, 0.0472],
        "n": 308,
        "effective_n": 287.4,
    },
    "models": [{"name": MODEL["id"], "digest": MODEL["digest"], "accuracy": ESTIMATE}],
    "classes": [{"label": "cat", "precision": ESTIMATE, "recall": ESTIMATE}],
    "over_time": [{"start": "2026-10-27T00:00:00Z", "accuracy": ESTIMATE}],
    "confusion": {"labels": ["cat", "dog", ""], "counts": [[90, 9, 0], [7, 95, 0], [3, 4, 0]]},
    "calibration": {
        "error": 0.0213,
        "bins": [{"confidence": 0.9713, "share": 0.71, "accuracy": ESTIMATE}],
    },
    "agreement": {"n": 60, "observed": 0.9333, "kappa": 0.9254, "interval_95": [0.8548, 0.9961]},
}
