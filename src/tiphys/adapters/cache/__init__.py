"""What may vanish at any time and only saves work: here, a folder on disk."""

from tiphys.adapters.cache.folder import FolderCache

__all__ = ["FolderCache"]
