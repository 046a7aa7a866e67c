"""One round of every fault: whatever goes wrong loses nothing and doubles nothing."""

from __future__ import annotations

import pytest

from tests.faults.site import Site
from tests.faults.table import FAULTS

SEED = 1


@pytest.mark.parametrize(
    ("name", "backend"),
    [(name, backend) for name, fault in FAULTS.items() for backend in fault.backends],
)
def test_fault(site: Site, name: str, backend: str) -> None:
    outcome = FAULTS[name].play(site, backend, SEED)
    print(f"{name} on {backend}: {outcome}")
    assert outcome.accepted > 20
    assert outcome.imported + outcome.refused == outcome.accepted
    assert (outcome.lost, outcome.doubled) == (0, 0)
