"""Store hashes as they are

Fingerprints do not become smaller by compression; PostgreSQL need not try with each of them. Rows
that are there stay as they are, and the table is locked for an instant only.

Revision: fingerprint_0002
Follows: fingerprint_0001
"""

from alembic import op

revision = "fingerprint_0002"
down_revision = "fingerprint_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _store("EXTERNAL")


def downgrade() -> None:
    _store("EXTENDED")


def _store(storage: str) -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"ALTER TABLE fingerprint ALTER COLUMN hashes SET STORAGE {storage}")
