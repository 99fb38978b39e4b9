"""An OpenID provider over HTTP: discovery, keys, tokens, userinfo. OpenID Connect Core 1.0."""

from tiphys.adapters.oidc.provider import OidcProvider

__all__ = ["OidcProvider"]
