"""How far the reviews of a pull request got, kept in our summary for whoever has no database, and sealed.

A workflow's token acts as an account that every workflow of the repository shares, and one of those may repeat a
stranger's words. So the account alone proves nothing: only what was sealed with a secret that we alone have counts.
"""

import hashlib
import hmac
import json
from typing import Final

from mesrai.domain.pull_request import Comment, PullRequest
from mesrai.domain.review import Outcome, Review
from mesrai.domain.secret import Secret
from mesrai.review.render.marks import read_reviewed_mark, reviewed_mark

_LEAST_SECRET: Final = 12  # letters; what is shorter, as keys of models at home are, could be guessed
_PURPOSE: Final = b"mesrai: how far reviews of a pull request got"
_WHOLE: Final = (Outcome.REVIEWED, Outcome.NOTHING)


class Seal:
    """Proves that it was us who said how far the reviews of a pull request got."""

    def __init__(self, secret: Secret) -> None:
        """`secret` is known to us alone, and lasts from review to review."""
        # Slow on purpose: a seal stands in public, and must be of no use in guessing the secret.
        self._key = hashlib.scrypt(secret.open().encode(), salt=_PURPOSE, n=2**14, r=8, p=1, dklen=32)

    def mark(self, pull_request: PullRequest) -> str:
        """The mark that says that all of the pull request, as it stands and for its base, was reviewed."""
        return reviewed_mark(pull_request.head_sha, self._seal(pull_request, pull_request.head_sha))

    def reviewed_head(self, pull_request: PullRequest, summary: Comment | None) -> str:
        """The head up to which all was reviewed for this base; empty if no seal of ours says so."""
        found = read_reviewed_mark(summary.body) if summary is not None else None
        if found is None or not hmac.compare_digest(found[1], self._seal(pull_request, found[0])):
            return ""
        return found[0]

    def _seal(self, pull_request: PullRequest, sha: str) -> str:
        place = pull_request.repository
        said = [place.forge.lower(), place.path.lower(), pull_request.number, pull_request.base_ref, sha]
        return hmac.new(self._key, json.dumps(said).encode(), hashlib.sha256).hexdigest()


def seal_with(secret: Secret | None) -> Seal | None:
    """A seal made with the secret; None if there is none, or it could be guessed: then each review is of all."""
    return Seal(secret) if secret is not None and len(secret.open()) >= _LEAST_SECRET else None


def progress_after(review: Review, progress: str, before: Comment | None) -> str:
    """The mark to put into the summary: `progress` after a whole review, and else the one that stands there."""
    if progress and review.outcome in _WHOLE:
        return progress
    found = read_reviewed_mark(before.body) if before is not None else None
    return reviewed_mark(*found) if found else ""
