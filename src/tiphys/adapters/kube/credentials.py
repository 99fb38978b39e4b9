"""The bearer token of a client, read again when its file changes."""

from __future__ import annotations

from pathlib import Path

from tiphys.adapters.kube.config import KubeConfig
from tiphys.adapters.kube.errors import KubeConfigError


class BearerToken:
    """A fixed token, or one in a file that the kubelet rotates.

    The file is looked at when its time of change moves, and read in any case after `renew`.
    """

    def __init__(self, config: KubeConfig) -> None:
        self._path = Path(config.token_file) if config.token_file else None
        self._token = config.token
        self._seen = 0

    def header(self) -> dict[str, str]:
        """The Authorization header, empty without a token."""
        if self._path is not None:
            self._read(self._path)
        return {"Authorization": f"Bearer {self._token}"} if self._token else {}

    def renew(self) -> bool:
        """After a 401: whether the file holds another token now."""
        if self._path is None:
            return False
        before = self._token
        self._seen = 0
        self._read(self._path)
        return self._token != before

    def _read(self, path: Path) -> None:
        try:
            changed = path.stat().st_mtime_ns
            if changed != self._seen:
                self._token = path.read_text().strip()
                self._seen = changed
        except OSError:
            # A moment without the file, while it is replaced, is bridged by the last token.
            if not self._token:
                raise KubeConfigError(
                    f"the token file {path} cannot be read", field="tokenFile"
                ) from None
