"""The ledger as it is kept in a Secret: one text of JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tiphys.core.session.ledger import Attempts, Cut, Ledger, Revocation


def write(ledger: Ledger) -> str:
    found = {
        "accounts": {key: [one.count, one.last] for key, one in ledger.accounts.items()},
        "sources": {key: [one.count, one.last] for key, one in ledger.sources.items()},
        "revoked": {key: [one.subject, one.at, one.until] for key, one in ledger.revoked.items()},
        "cuts": {key: [one.before, one.until] for key, one in ledger.cuts.items()},
    }
    return json.dumps(found, separators=(",", ":"), sort_keys=True)


def read(text: str) -> Ledger | None:
    """None for what is no ledger."""
    try:
        found = json.loads(text)
        return Ledger(
            accounts=_attempts(found["accounts"]),
            sources=_attempts(found["sources"]),
            revoked={
                key: Revocation(str(subject), int(at), int(until))
                for key, (subject, at, until) in found["revoked"].items()
            },
            cuts={key: Cut(int(at), int(until)) for key, (at, until) in found["cuts"].items()},
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def _attempts(found: Mapping[str, Any]) -> dict[str, Attempts]:
    return {key: Attempts(int(count), int(last)) for key, (count, last) in found.items()}
