"""What a project allows: repositories, destinations, kinds, times, accounts, namespaces."""

from tiphys.core.project.accounts import service_account
from tiphys.core.project.destinations import destination_permitted
from tiphys.core.project.effective import EffectiveProject, effective_project
from tiphys.core.project.errors import ProjectError, ServiceAccountError, WindowError
from tiphys.core.project.kinds import kind_permitted
from tiphys.core.project.namespaces import namespace_permitted
from tiphys.core.project.objects import live_permitted, object_refusal
from tiphys.core.project.orphans import may_be_orphaned, warns_of_orphans
from tiphys.core.project.sources import source_permitted
from tiphys.core.project.windows import UtcOffset, Verdict, can_sync, is_active, matching_windows

__all__ = [
    "EffectiveProject",
    "ProjectError",
    "ServiceAccountError",
    "UtcOffset",
    "Verdict",
    "WindowError",
    "can_sync",
    "destination_permitted",
    "effective_project",
    "is_active",
    "kind_permitted",
    "live_permitted",
    "matching_windows",
    "may_be_orphaned",
    "namespace_permitted",
    "object_refusal",
    "service_account",
    "source_permitted",
    "warns_of_orphans",
]
