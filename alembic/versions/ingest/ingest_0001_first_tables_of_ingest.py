"""First tables of ingest

Revision: ingest_0001
Follows: nothing
"""

import sqlalchemy as sa
from alembic import op

revision = "ingest_0001"
down_revision = None
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "submission",
        sa.Column("id", ID, nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("account_id", ID, nullable=False),
        sa.Column("application_id", ID, nullable=False),
        sa.Column("application_version", sa.String(), nullable=False),
        sa.Column("hashes", sa.LargeBinary(), nullable=False),
        sa.Column("length", sa.Integer(), nullable=False),
        sa.Column("bitrate", sa.Integer(), nullable=True),
        sa.Column("format", sa.String(), nullable=True),
        sa.Column("mbid", sa.Uuid(), nullable=True),
        sa.Column("puid", sa.Uuid(), nullable=True),
        sa.Column("foreignid", sa.String(), nullable=True),
        sa.Column("track", sa.Text(), nullable=True),
        sa.Column("artist", sa.Text(), nullable=True),
        sa.Column("album", sa.Text(), nullable=True),
        sa.Column("album_artist", sa.Text(), nullable=True),
        sa.Column("track_no", sa.Integer(), nullable=True),
        sa.Column("disc_no", sa.Integer(), nullable=True),
        sa.Column("year", sa.Integer(), nullable=True),
        sa.Column(
            "created", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.Column("handled", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("submission_account_id_idx", "submission", ["account_id"], unique=False)
    op.create_index("submission_state_idx", "submission", ["state", "id"], unique=False)
    op.create_table(
        "link_source",
        sa.Column("id", ID, nullable=False),
        sa.Column("submission_id", ID, nullable=False),
        sa.Column("source_id", ID, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("track_id", ID, nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column(
            "created", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["submission_id"],
            ["submission.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("submission_id", "kind", name="link_source_uniq"),
        sqlite_autoincrement=True,
    )
    op.create_index("link_source_source_id_idx", "link_source", ["source_id"], unique=False)
    op.create_index("link_source_track_id_idx", "link_source", ["track_id", "kind"], unique=False)
    op.create_table(
        "pending_submission",
        sa.Column("submission_id", ID, autoincrement=False, nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column(
            "created", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["submission_id"],
            ["submission.id"],
        ),
        sa.PrimaryKeyConstraint("submission_id"),
    )
    op.create_index(
        "pending_submission_not_before_idx", "pending_submission", ["not_before"], unique=False
    )
    op.create_table(
        "submission_result",
        sa.Column("submission_id", ID, autoincrement=False, nullable=False),
        sa.Column("fingerprint_id", ID, nullable=False),
        sa.Column("track_id", ID, nullable=False),
        sa.Column("track_gid", sa.Uuid(), nullable=False),
        sa.Column(
            "created", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["submission_id"],
            ["submission.id"],
        ),
        sa.PrimaryKeyConstraint("submission_id"),
    )


def downgrade() -> None:
    op.drop_table("submission_result")
    op.drop_index("pending_submission_not_before_idx", table_name="pending_submission")
    op.drop_table("pending_submission")
    op.drop_index("link_source_track_id_idx", table_name="link_source")
    op.drop_index("link_source_source_id_idx", table_name="link_source")
    op.drop_table("link_source")
    op.drop_index("submission_state_idx", table_name="submission")
    op.drop_index("submission_account_id_idx", table_name="submission")
    op.drop_table("submission")
