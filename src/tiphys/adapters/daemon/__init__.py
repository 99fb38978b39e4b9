"""Processes that outlive the command that started them, found again by a file."""

from tiphys.adapters.daemon.daemon import Daemon, DaemonError

__all__ = ["Daemon", "DaemonError"]
