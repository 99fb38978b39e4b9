"""What can be wrong with a project's own rules.

ProjectError
├── WindowError            a schedule or duration that cannot be read
└── ServiceAccountError    no account can be made of a destinationServiceAccounts entry
"""

from __future__ import annotations


class ProjectError(ValueError):
    """The text says what is wrong, for whoever looks after the project."""


class WindowError(ProjectError):
    pass


class ServiceAccountError(ProjectError):
    pass
