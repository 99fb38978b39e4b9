"""The proxy that a URL is asked through, as something that can be spoken to."""

from __future__ import annotations

from collections.abc import Mapping

from yarl import URL

from tiphys.adapters.packages.errors import Step, failed
from tiphys.core.source import proxies
from tiphys.model.repository import Proxy


def proxy_for(url: URL, proxy: Proxy, environment: Mapping[str, str]) -> URL | None:
    """None for a direct connection. Raises RepositoryError for a proxy that cannot be spoken to."""
    text = proxies.proxy_for(url.scheme, url.host or "", url.port, proxy, environment)
    return _parsed(text, url) if text else None


def _parsed(text: str, url: URL) -> URL:
    try:
        parsed = URL(text if "://" in text else f"http://{text}")
        usable = parsed.scheme in {"http", "https"} and bool(parsed.host)
    except ValueError:
        usable = False
    if not usable:
        raise failed(Step.PROXY, "only http:// and https:// proxies can be used here", str(url))
    return parsed
