"""Examples for the OpenAPI description: each request and each answer gets one.

tests/classifier/test_schema_examples.py holds each against its schema and against a real answer.
"""

from typing import Any

from classifier.api.example_values import (
    ACCURACY,
    ATTEMPT,
    BATCH,
    CANCELED,
    CANCELED_BATCH,
    CSV_RESULTS,
    DELIVERED,
    DELIVERY,
    ENDPOINT,
    ENDPOINT_REQUEST,
    EXPORT,
    INSTALLED_MODEL,
    ITEM,
    LATER,
    LINE_RESULTS,
    META,
    MODEL_CARD,
    NEW_BATCH,
    NOT_WRITTEN,
    PREDICTION,
    QUEUED,
    SECRET,
)

# By the name of the schema.
EXAMPLES: dict[str, Any] = {
    "UploadRequest": {"image": "(the bytes of cat.jpg)", "top_k": 3, "metadata": {"job": 7}},
    "AskAgainRequest": {"image_id": "01a20e8e-bc66-70c7-bf89-261e7c4dc61b", "top_k": 3},
    "BatchUploadRequest": {
        "image": ["(the bytes of a.jpg)", "(of b.jpg)"],
        "custom_id": ["a", "b"],
    },
    "DisputeRequest": {"label": "cat"},
    "Disputed": {"label": "cat", "label_localized": "cat", "created_at": LATER},
    "ExportRequest": {"format": EXPORT["format"], "filter": EXPORT["filter"]},
    "NewWebhookEndpointRequest": ENDPOINT_REQUEST,
    "PatchedWebhookEndpointRequest": {"enabled": False},
    "Prediction": PREDICTION,
    "Attempt": ATTEMPT,
    "Batch": BATCH,
    "Export": EXPORT,
    "Meta": META,
    "InstalledModel": INSTALLED_MODEL,
    "ModelCard": MODEL_CARD,
    "Accuracy": ACCURACY,
    "WebhookEndpoint": ENDPOINT,
    "NewWebhookEndpoint": {**ENDPOINT, "secret": SECRET},
    "Secret": {"secret": SECRET, "previous_secret_until": LATER},
    "WebhookDelivery": DELIVERED,
}
# Where the name alone does not tell: by operation, then status or "body", then media type.
PARTICULAR: dict[tuple[str, str, str], Any] = {
    ("predictions_create", "202", "application/json"): QUEUED,
    ("predictions_cancel_create", "200", "application/json"): CANCELED,
    ("predictions_retry_create", "200", "application/json"): QUEUED,
    ("batches_create", "body", "application/jsonl"): (
        '{"image_id": "01a20e8e-bc66-70c7-bf89-261e7c4dc61b", "custom_id": "cat"}\n'
    ),
    ("batches_create", "202", "application/json"): NEW_BATCH,
    ("batches_cancel_create", "200", "application/json"): CANCELED_BATCH,
    ("batches_items_list", "200", "application/json"): {
        "next": None,
        "previous": None,
        "results": [ITEM],
    },
    ("batches_results_retrieve", "200", "application/jsonl"): LINE_RESULTS,
    ("batches_results_retrieve", "200", "text/csv"): CSV_RESULTS,
    ("exports_create", "202", "application/json"): {**EXPORT, **NOT_WRITTEN},
    ("exports_file_retrieve", "200", "application/octet-stream"): CSV_RESULTS,
    ("webhook_endpoints_test_create", "202", "application/json"): DELIVERY,
    ("webhook_endpoints_deliveries_replay_create", "202", "application/json"): {
        **DELIVERED,
        "status": "pending",
        "attempt": 0,
        "delivered_at": None,
    },
}


def illustrate(result: dict[str, Any], **_kwargs: Any) -> dict[str, Any]:
    """Gives every request and every answer of the description its example."""
    for methods in result["paths"].values():
        for operation in methods.values():
            _give(operation, "body", operation.get("requestBody", {}))
            for status, response in operation["responses"].items():
                if status.startswith("2"):
                    _give(operation, status, response)
    return result


def _give(operation: dict[str, Any], part: str, described: dict[str, Any]) -> None:
    for media_type, media in described.get("content", {}).items():
        place = (operation["operationId"], part, media_type)
        media["example"] = PARTICULAR.get(place) or _by_schema(media["schema"])


def _by_schema(schema: dict[str, Any]) -> Any:
    if schema.get("type") == "array":
        return [_by_schema(schema["items"])]
    name = schema["$ref"].rsplit("/", 1)[-1]
    if name.startswith("Paginated"):
        one = EXAMPLES[name.removeprefix("Paginated").removesuffix("List")]
        return {"next": None, "previous": None, "results": [one]}
    return EXAMPLES[name]
