"""Store hashes as they are

Fingerprints do not become smaller by compression; PostgreSQL need not try with each of them. Rows
that are there stay as they are, and the table is locked for an instant only.

Revision: ingest_0002
Follows: ingest_0001
"""

from alembic import op

revision = "ingest_0002"
down_revision = "ingest_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _store("EXTERNAL")


def downgrade() -> None:
    _store("EXTENDED")


def _store(storage: str) -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"ALTER TABLE submission ALTER COLUMN hashes SET STORAGE {storage}")
