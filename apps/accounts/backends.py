"""Sign-in by name and password, and Django's permissions as the roles give them.

Groups, single permissions and the staff flag of Django are not looked at.
"""

from typing import Any

from django.contrib.auth.backends import ModelBackend

from apps.accounts.permissions import DJANGO_PERMISSIONS, permissions_of
from apps.accounts.selectors import rights_of


class RoleBackend(ModelBackend):
    """What Django asks of users (`has_perm` and its kin) is answered from their rights, and nothing else."""

    def get_user_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        return self.get_all_permissions(user_obj, obj)

    def get_group_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        return set()

    def get_all_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        return set(permissions_of(rights_of(user_obj)))

    def has_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        return DJANGO_PERMISSIONS.get(perm) in rights_of(user_obj)

    def has_module_perms(self, user_obj: Any, app_label: str) -> bool:
        return any(perm.startswith(f"{app_label}.") for perm in self.get_all_permissions(user_obj))
