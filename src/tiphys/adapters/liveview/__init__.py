"""What is live, asked of the controller's process over mutual TLS."""

from tiphys.adapters.liveview.client import LiveClient, Remembered

__all__ = ["LiveClient", "Remembered"]
