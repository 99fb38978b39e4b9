"""A folder of this machine in place of a repository."""

from tiphys.adapters.folder.tree import FolderTree

__all__ = ["FolderTree"]
