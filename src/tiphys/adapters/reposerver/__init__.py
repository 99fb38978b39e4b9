"""The render process of another pod, asked over mutual TLS."""

from tiphys.adapters.reposerver.client import RenderClient

__all__ = ["RenderClient"]
