"""A principal in another tenant: a value, made without I/O."""

from __future__ import annotations

import pytest

from hub.api.principal import ForeignTenantError, Principal
from hub.api.scope import ROLE_SCOPES, Role


def test_another_tenant_of_ones_own_is_looked_at_without_asking_anybody():
    roles = {"home": Role.ADMINISTRATOR, "beach": Role.READER}
    scopes = ROLE_SCOPES[Role.ADMINISTRATOR]
    max_ = Principal("max", "home", Role.ADMINISTRATOR, scopes, tuple(roles), 1, 1, roles=roles)
    there = max_.looking_at("beach")
    assert (there.tenant, there.role, there.scopes) == ("beach", Role.READER, {"read"})
    assert (there.chosen, max_.chosen, max_.looking_at("home").chosen) == (True, False, True)
    assert max_.looking_at("home").scopes == scopes
    with pytest.raises(ForeignTenantError, match="max does not belong to a tenant 'school'"):
        max_.looking_at("school")
