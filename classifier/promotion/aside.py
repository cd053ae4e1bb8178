"""Which reviewed pictures say something of a model, since it may have been trained on them."""

from classifier import installed_models
from classifier.dataset.selection import VALIDATION, Wanted, split_of
from ml import manifest
from ml.manifest import ManifestError


def share(*digests: str) -> float:
    """The share of the reviewed pictures that none of these installed models was trained on, by
    their hashes; 1 where none was trained on any."""
    return min(map(_share_of, digests), default=1.0)


def holds(sha256: str, share: float) -> bool:
    """Whether a picture is in that share."""
    return split_of(sha256, share) == VALIDATION


def _share_of(digest: str) -> float:
    found = installed_models.with_digest(digest)
    if found is None:
        return 1.0
    try:
        data = manifest.read_card(found.folder).get("data", {})
    except ManifestError:
        return 1.0
    if not data.get("reviewed", {}).get("train"):
        return 1.0
    return float(data.get("reviewed_aside", Wanted.validation))
