"""What a project allows. This version knows only projects that allow everything."""

from tiphys.core.project.restrictions import restrictions

__all__ = ["restrictions"]
