"""Count tries that have begun

So that a submission that ends the process that imports it is found out. The table is locked for an
instant only.

Revision: ingest_0003
Follows: ingest_0002
"""

import sqlalchemy as sa
from alembic import op

revision = "ingest_0003"
down_revision = "ingest_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "pending_submission",
        sa.Column("begun", sa.Integer(), server_default="0", nullable=False),
    )


def downgrade() -> None:
    op.drop_column("pending_submission", "begun")
