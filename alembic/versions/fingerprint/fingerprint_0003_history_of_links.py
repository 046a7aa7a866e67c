"""History of links

Who disabled or enabled a link to a recording, when and why. A table is added and nothing else is
touched, so that servers of the version before go on with it.

Revision: fingerprint_0003
Follows: fingerprint_0002
"""

import sqlalchemy as sa
from alembic import op

revision = "fingerprint_0003"
down_revision = "fingerprint_0002"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "track_mbid_change",
        sa.Column("id", ID, nullable=False),
        sa.Column("track_mbid_id", ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.Column(
            "created", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        op.f("ix_track_mbid_change_track_mbid_id"),
        "track_mbid_change",
        ["track_mbid_id"],
        unique=False,
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_track_mbid_change_track_mbid_id"), table_name="track_mbid_change")
    op.drop_table("track_mbid_change")
