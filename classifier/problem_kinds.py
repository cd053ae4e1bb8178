"""The kinds of refusals: of each code the HTTP status and what people are told."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy


@dataclass(frozen=True)
class Kind:
    """An HTTP status and two sentences for people; settings fill in what the second leaves open."""

    status: int
    title: str | Promise
    detail: str | Promise = ""


KINDS: dict[str, Kind] = {
    "IMAGE_EMPTY": Kind(
        422, gettext_lazy("The file is empty"), gettext_lazy("Choose the picture again.")
    ),
    "UNSUPPORTED_MEDIA_TYPE": Kind(
        415,
        gettext_lazy("Not a JPEG"),
        gettext_lazy("Save the picture as JPEG, then send that. Renaming a file is not enough."),
    ),
    "IMAGE_WITHHELD": Kind(
        403,
        gettext_lazy("The picture is withheld"),
        gettext_lazy(
            "The people who run this site have set it aside. It is kept, and comes back with its "
            "answers if they release it."
        ),
    ),
    "IMAGE_UNDECODABLE": Kind(
        422,
        gettext_lazy("The picture is incomplete or damaged"),
        gettext_lazy("Open it in a picture viewer, save it again as JPEG, and send the new file."),
    ),
    "DECODE_FAILED": Kind(
        422,
        gettext_lazy("The picture could not be opened safely"),
        gettext_lazy(
            "It took too much time or memory, or broke the decoder. Save it again as an "
            "ordinary JPEG and send that."
        ),
    ),
    "DECODERS_BUSY": Kind(
        503,
        gettext_lazy("Too many large pictures at once"),
        gettext_lazy("Nothing was accepted. Try again after as many seconds as Retry-After says."),
    ),
    "IMAGE_TOO_LARGE": Kind(
        413,
        gettext_lazy("The file is too large"),
        gettext_lazy("The limit is {megabytes} MB. Save the picture smaller and send it again."),
    ),
    "PIXEL_LIMIT": Kind(
        422,
        gettext_lazy("The picture has too many pixels"),
        gettext_lazy("The limit is {megapixels} megapixels. Scale it down and send it again."),
    ),
    "SCAN_LIMIT": Kind(
        422,
        gettext_lazy("The picture is stored in too many layers"),
        gettext_lazy("The limit is {scans} scans. Save it again as an ordinary JPEG."),
    ),
    "TOO_MANY_IMAGES": Kind(
        413,
        gettext_lazy("Too many pictures at once"),
        gettext_lazy("The limit is {images} at once. Send the others afterwards."),
    ),
    "ARCHIVE_UNREADABLE": Kind(
        422,
        gettext_lazy("The archive could not be read"),
        gettext_lazy("It is damaged, cut short, or neither ZIP nor tar. Make it anew as a ZIP."),
    ),
    "ARCHIVE_TOO_MANY": Kind(
        413,
        gettext_lazy("Too many files in the archive"),
        gettext_lazy("The limit is {entries}. Divide the pictures among several archives."),
    ),
    "ARCHIVE_TOO_LARGE": Kind(
        413,
        gettext_lazy("The archive is too large when unpacked"),
        gettext_lazy("The limit is {gigabytes} GB. Divide the pictures among several archives."),
    ),
    "ARCHIVE_BOMB": Kind(
        422,
        gettext_lazy("The archive unpacks to far more than it holds"),
        gettext_lazy("Pictures never do. Make it anew, with nothing but JPEGs inside."),
    ),
    "ARCHIVE_ENCRYPTED": Kind(
        422,
        gettext_lazy("The archive is encrypted"),
        gettext_lazy("Make it anew without a password."),
    ),
    "ARCHIVE_MULTI_DISK": Kind(
        422,
        gettext_lazy("This is one part of a divided archive"),
        gettext_lazy("Make it anew in one piece, or make several whole archives."),
    ),
    "ARCHIVE_NESTED": Kind(
        422,
        gettext_lazy("An archive inside the archive"),
        gettext_lazy("Send it by itself, or put its pictures into the outer one."),
    ),
    "ARCHIVE_ENTRY_REFUSED": Kind(
        422,
        gettext_lazy("This entry cannot be taken"),
        gettext_lazy("Put the picture itself into the archive: no link, and not encrypted."),
    ),
    "IMAGE_MISSING": Kind(
        400,
        gettext_lazy("No picture was sent"),
        gettext_lazy("Send one JPEG in the multipart field “image”."),
    ),
    "CONTENT_TYPE_UNSUPPORTED": Kind(
        415,
        gettext_lazy("The request is sent in a form that is not taken here"),
        gettext_lazy(
            "Send a picture as multipart/form-data in the field “image”, "
            "or JSON where the API page says so."
        ),
    ),
    "BODY_INCOMPLETE": Kind(
        400,
        gettext_lazy("The request was cut off"),
        gettext_lazy("Nothing was accepted. Send it again."),
    ),
    "BODY_TOO_LARGE": Kind(
        413,
        gettext_lazy("The request is too large"),
        gettext_lazy("Nothing was accepted. Send fewer pictures at once, or larger ones singly."),
    ),
    "LENGTH_REQUIRED": Kind(
        411,
        gettext_lazy("The request does not say how long it is"),
        gettext_lazy("Send the header Content-Length, and the body in one piece, not in chunks."),
    ),
    "PRECONDITION_FAILED": Kind(
        412, gettext_lazy("It has changed since"), gettext_lazy("Fetch it anew, then decide again.")
    ),
    "HOST_UNKNOWN": Kind(
        400,
        gettext_lazy("This server does not answer to that name"),
        gettext_lazy("Whoever runs it can add the name to the setting KADR_HOSTS."),
    ),
    "CURSOR_INVALID": Kind(
        400,
        gettext_lazy("The page mark is not valid"),
        gettext_lazy("Start again from the first page."),
    ),
    "INVALID_REQUEST": Kind(
        400,
        gettext_lazy("The request is not valid"),
        gettext_lazy("Compare it with what the API page says of it."),
    ),
    "UNAUTHENTICATED": Kind(
        401,
        gettext_lazy("The token is not valid"),
        gettext_lazy("Send a token made by “manage.py create_token”, or none."),
    ),
    "LOGIN_REQUIRED": Kind(
        401,
        gettext_lazy("This needs an account"),
        gettext_lazy("Log in, or send a token made by “manage.py create_token”."),
    ),
    "JSON_EXPECTED": Kind(
        415,
        gettext_lazy("The body is not JSON"),
        gettext_lazy("Send JSON, with the header “Content-Type: application/json”."),
    ),
    "WEBHOOK_URL_REFUSED": Kind(
        422,
        gettext_lazy("Webhooks cannot be sent to this address"),
        gettext_lazy("Give an https:// address that anyone on the internet can reach."),
    ),
    "WEBHOOK_LIMIT": Kind(
        409,
        gettext_lazy("There are enough webhook endpoints"),
        gettext_lazy("The limit is 10 a user. Delete one that is not needed, then add this one."),
    ),
    "EXPORT_LIMIT": Kind(
        409,
        gettext_lazy("There are enough exports"),
        gettext_lazy(
            "The limit is {exports}. Delete one that is not needed, or wait: each goes a week "
            "after it was asked for."
        ),
    ),
    "WEBHOOK_DISABLED": Kind(
        409,
        gettext_lazy("The webhook endpoint is disabled"),
        gettext_lazy("Set “enabled” to true, then try again."),
    ),
    "WEBHOOK_BUSY": Kind(
        409,
        gettext_lazy("The delivery is being sent right now"),
        gettext_lazy("Wait a minute for the outcome, then replay it if there is still need."),
    ),
    "FORBIDDEN": Kind(
        403,
        gettext_lazy("This is not allowed"),
        gettext_lazy("Whoever runs this site can give the right to it."),
    ),
    "CSRF_FAILED": Kind(
        403,
        gettext_lazy("The page is out of date"),
        gettext_lazy(
            "Reload it, with cookies allowed for this site, and try again. A script needs a token: "
            "see the API page."
        ),
    ),
    "NOT_FOUND": Kind(
        404, gettext_lazy("There is nothing here"), gettext_lazy("It may have been deleted.")
    ),
    "METHOD_NOT_ALLOWED": Kind(
        405,
        gettext_lazy("This method is not allowed here"),
        gettext_lazy("The header Allow names those that are."),
    ),
    "NOT_ACCEPTABLE": Kind(
        406,
        gettext_lazy("This format is not offered"),
        gettext_lazy("Leave out the header Accept, or name a format that the API page lists."),
    ),
    "RATE_LIMITED": Kind(
        429,
        gettext_lazy("Too many requests"),
        gettext_lazy("Wait for as many seconds as Retry-After says."),
    ),
    "TOKEN_SCOPE": Kind(
        403,
        gettext_lazy("The token does not allow this"),
        gettext_lazy("Make one with the scope that is missing: see “manage.py create_token”."),
    ),
    "METADATA_INVALID": Kind(
        422,
        gettext_lazy("The metadata cannot be kept"),
        gettext_lazy("Send one JSON object of at most 4,096 bytes."),
    ),
    "TOP_K_INVALID": Kind(
        422,
        gettext_lazy("top_k is not valid"),
        gettext_lazy("Send a whole number from 1 to 100."),
    ),
    "MODEL_UNKNOWN": Kind(
        422,
        gettext_lazy("There is no such model"),
        gettext_lazy("Leave “model” out, or name one that GET /api/v1/meta lists."),
    ),
    "IMAGE_NOT_FOUND": Kind(
        422,
        gettext_lazy("There is no such picture"),
        gettext_lazy("Name the id of a picture that you sent before and have not deleted."),
    ),
    "ILLEGAL_TRANSITION": Kind(
        409,
        gettext_lazy("Its state does not allow this"),
        gettext_lazy(
            "Only what is not finished can be canceled; only what failed or was "
            "canceled, and was not deleted, can be tried again."
        ),
    ),
    "NOT_ANSWERED": Kind(
        409,
        gettext_lazy("There is no answer to dispute"),
        gettext_lazy("Wait until the picture is classified; what was deleted has none any more."),
    ),
    "LABEL_INVALID": Kind(
        422,
        gettext_lazy("This class cannot be named here"),
        gettext_lazy(
            "Name the id of another class that the model knows, or null for none of them."
        ),
    ),
    "NOT_RESTORABLE": Kind(
        409,
        gettext_lazy("It cannot be brought back"),
        gettext_lazy("It was not deleted, or is erased: see “restorable_until”."),
    ),
    "BATCH_EMPTY": Kind(
        422,
        gettext_lazy("The batch holds no pictures"),
        gettext_lazy("Send files in the field “image”, one ZIP or tar in “archive”, or lines."),
    ),
    "BATCH_TOO_LARGE": Kind(
        413,
        gettext_lazy("The batch is too large"),
        gettext_lazy(
            "The limits are {batch_parts} files in one request, {batch_items} entries or "
            "lines, and {batch_gigabytes} GB. Send the others as another batch."
        ),
    ),
    "BATCH_LINE_INVALID": Kind(
        422,
        gettext_lazy("A line is not valid"),
        gettext_lazy("Each line is a JSON object with “image_id” and, if you like, “custom_id”."),
    ),
    "DUPLICATE_CUSTOM_ID": Kind(
        422,
        gettext_lazy("Two items have the same custom_id"),
        gettext_lazy("Give each item of a batch a name of its own."),
    ),
    "IDEMPOTENCY_KEY_INVALID": Kind(
        400,
        gettext_lazy("The Idempotency-Key is not valid"),
        gettext_lazy("Send 1 to 255 printable ASCII characters, for example a UUID."),
    ),
    "IDEMPOTENCY_KEY_REUSED": Kind(
        422,
        gettext_lazy("This Idempotency-Key was used for another request"),
        gettext_lazy("Make a new key for each new request; keep it only to send the same again."),
    ),
    "IDEMPOTENCY_IN_FLIGHT": Kind(
        409,
        gettext_lazy("The first request with this Idempotency-Key is still running"),
        gettext_lazy("Send it again in a moment."),
    ),
    "QUEUE_FULL": Kind(
        503,
        gettext_lazy("Too much is waiting already"),
        gettext_lazy("Nothing was accepted. Try again after as many seconds as Retry-After says."),
    ),
    "DATABASE_UNAVAILABLE": Kind(
        503,
        gettext_lazy("The database does not answer"),
        gettext_lazy("Nothing was accepted. Try again after as many seconds as Retry-After says."),
    ),
    "STORAGE_FULL": Kind(
        503,
        gettext_lazy("The disk is full"),
        gettext_lazy("Nothing was accepted. Try again later; what is there stays readable."),
    ),
    "INTERNAL": Kind(
        500,
        gettext_lazy("Something broke on our side"),
        gettext_lazy("It has been recorded. Try again in a moment."),
    ),
    # These stand in failed predictions; their status is for completeness.
    "PREVIEW_UNREADABLE": Kind(
        422,
        gettext_lazy("The stored picture could not be read"),
        gettext_lazy("Send the picture again."),
    ),
    "INFERENCE_FAILED": Kind(
        500,
        gettext_lazy("The model failed on this picture"),
        gettext_lazy("Send it again; if that fails too, save it anew as JPEG."),
    ),
    "ATTEMPTS_EXHAUSTED": Kind(
        500,
        gettext_lazy("Every attempt was cut short"),
        gettext_lazy("The worker stopped each time it had this picture. Save it anew and resend."),
    ),
}
