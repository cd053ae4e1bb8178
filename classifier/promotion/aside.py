"""Which reviewed pictures say something of a model, since it may have been trained on them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from classifier import installed_models
from classifier.dataset.selection import VALIDATION, Wanted, split_of
from ml import manifest
from ml.manifest import ManifestError


@dataclass(frozen=True)
class Taught:
    """An installed model that was trained on reviewed pictures."""

    created: datetime
    aside: float  # the share of them, by their hashes, that was kept from its training

    def may_have_learned(self, sha256: str, sent: datetime) -> bool:
        """Not what came after it was made, nor what was kept aside."""
        return sent < self.created and split_of(sha256, self.aside) != VALIDATION


def taught(digests: Iterable[str]) -> list[Taught]:
    """Those of these models of which their cards say so."""
    return [found for digest in digests if (found := _taught(digest))]


def _taught(digest: str) -> Taught | None:
    found = installed_models.with_digest(digest)
    if found is None or found.manifest is None:
        return None
    try:
        data = manifest.read_card(found.folder).get("data", {})
    except ManifestError:
        return None
    if not data.get("reviewed", {}).get("train"):
        return None
    created = datetime.fromisoformat(found.manifest.created)
    return Taught(created, float(data.get("reviewed_aside", Wanted.validation)))
