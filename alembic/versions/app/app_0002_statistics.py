"""Statistics of lookups and user agents

Revision: app_0002
Follows: app_0001
"""

import sqlalchemy as sa
from alembic import op

revision = "app_0002"
down_revision = "app_0001"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "lookup_statistics",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("hour", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("application_id", ID, autoincrement=False, nullable=False),
        sa.Column("hits", sa.Integer(), nullable=False),
        sa.Column("misses", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("day", "hour", "application_id"),
    )
    op.create_index(
        "lookup_statistics_application_id_idx", "lookup_statistics", ["application_id", "day"]
    )
    op.create_table(
        "user_agent_statistics",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("application_id", ID, autoincrement=False, nullable=False),
        sa.Column("user_agent", sa.String(length=200), nullable=False),
        sa.Column("requests", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("day", "application_id", "user_agent"),
    )


def downgrade() -> None:
    op.drop_table("user_agent_statistics")
    op.drop_index("lookup_statistics_application_id_idx", "lookup_statistics")
    op.drop_table("lookup_statistics")
