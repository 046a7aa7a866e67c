"""First tables of fingerprint

Revision: fingerprint_0001
Follows: nothing
"""

import sqlalchemy as sa
from alembic import op

revision = "fingerprint_0001"
down_revision = None
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "fingerprint",
        sa.Column("id", ID, nullable=False),
        sa.Column("hashes", sa.LargeBinary(), nullable=False),
        sa.Column("length", sa.Integer(), nullable=False),
        sa.Column("bitrate", sa.Integer(), nullable=True),
        sa.Column("format_id", ID, nullable=True),
        sa.Column(
            "created", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "imported_submission",
        sa.Column("submission_id", ID, autoincrement=False, nullable=False),
        sa.Column("fingerprint_id", ID, nullable=False),
        sa.Column("track_id", ID, nullable=False),
        sa.Column(
            "created", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.PrimaryKeyConstraint("submission_id"),
    )
    op.create_table(
        "index_change",
        sa.Column("id", ID, nullable=False),
        sa.Column("fingerprint_id", ID, nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.Column(
            "created", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        op.f("ix_index_change_fingerprint_id"), "index_change", ["fingerprint_id"], unique=False
    )
    op.create_table(
        "meta",
        sa.Column("id", ID, nullable=False),
        sa.Column("track", sa.Text(), nullable=True),
        sa.Column("artist", sa.Text(), nullable=True),
        sa.Column("album", sa.Text(), nullable=True),
        sa.Column("album_artist", sa.Text(), nullable=True),
        sa.Column("track_no", sa.Integer(), nullable=True),
        sa.Column("disc_no", sa.Integer(), nullable=True),
        sa.Column("year", sa.SmallInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("digest", sa.BigInteger(), nullable=True),
        sa.Column(
            "created", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_meta_digest"), "meta", ["digest"], unique=False)
    op.create_table(
        "track",
        sa.Column("id", ID, nullable=False),
        sa.Column("gid", sa.Uuid(), nullable=False),
        sa.Column("new_id", ID, nullable=True),
        sa.Column(
            "created", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.Column("updated", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("gid"),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_track_new_id"), "track", ["new_id"], unique=False)
    op.create_table(
        "track_fingerprint",
        sa.Column("track_id", ID, nullable=False),
        sa.Column("fingerprint_id", ID, nullable=False),
        sa.Column("submission_count", sa.Integer(), nullable=False),
        sa.Column(
            "created", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.Column("updated", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("track_id", "fingerprint_id"),
    )
    op.create_index(
        "track_fingerprint_fingerprint_id_idx",
        "track_fingerprint",
        ["fingerprint_id"],
        unique=False,
    )
    op.create_table(
        "track_foreignid",
        sa.Column("id", ID, nullable=False),
        sa.Column("track_id", ID, nullable=False),
        sa.Column("foreignid", sa.String(), nullable=False),
        sa.Column("submission_count", sa.Integer(), nullable=False),
        sa.Column(
            "created", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.Column("updated", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("track_id", "foreignid", name="track_foreignid_uniq"),
        sqlite_autoincrement=True,
    )
    op.create_index("track_foreignid_foreignid_idx", "track_foreignid", ["foreignid"], unique=False)
    op.create_table(
        "track_mbid",
        sa.Column("id", ID, nullable=False),
        sa.Column("track_id", ID, nullable=False),
        sa.Column("mbid", sa.Uuid(), nullable=False),
        sa.Column("submission_count", sa.Integer(), nullable=False),
        sa.Column("disabled", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column(
            "created", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.Column("updated", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("track_id", "mbid", name="track_mbid_uniq"),
        sqlite_autoincrement=True,
    )
    op.create_index("track_mbid_mbid_idx", "track_mbid", ["mbid"], unique=False)
    op.create_table(
        "track_meta",
        sa.Column("id", ID, nullable=False),
        sa.Column("track_id", ID, nullable=False),
        sa.Column("meta_id", ID, nullable=False),
        sa.Column("submission_count", sa.Integer(), nullable=False),
        sa.Column(
            "created", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.Column("updated", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("track_id", "meta_id", name="track_meta_uniq"),
        sqlite_autoincrement=True,
    )
    op.create_index("track_meta_meta_id_idx", "track_meta", ["meta_id"], unique=False)
    op.create_table(
        "track_puid",
        sa.Column("id", ID, nullable=False),
        sa.Column("track_id", ID, nullable=False),
        sa.Column("puid", sa.Uuid(), nullable=False),
        sa.Column("submission_count", sa.Integer(), nullable=False),
        sa.Column(
            "created", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.Column("updated", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("track_id", "puid", name="track_puid_uniq"),
        sqlite_autoincrement=True,
    )
    op.create_index("track_puid_puid_idx", "track_puid", ["puid"], unique=False)


def downgrade() -> None:
    op.drop_index("track_puid_puid_idx", table_name="track_puid")
    op.drop_table("track_puid")
    op.drop_index("track_meta_meta_id_idx", table_name="track_meta")
    op.drop_table("track_meta")
    op.drop_index("track_mbid_mbid_idx", table_name="track_mbid")
    op.drop_table("track_mbid")
    op.drop_index("track_foreignid_foreignid_idx", table_name="track_foreignid")
    op.drop_table("track_foreignid")
    op.drop_index("track_fingerprint_fingerprint_id_idx", table_name="track_fingerprint")
    op.drop_table("track_fingerprint")
    op.drop_index(op.f("ix_track_new_id"), table_name="track")
    op.drop_table("track")
    op.drop_index(op.f("ix_meta_digest"), table_name="meta")
    op.drop_table("meta")
    op.drop_index(op.f("ix_index_change_fingerprint_id"), table_name="index_change")
    op.drop_table("index_change")
    op.drop_table("imported_submission")
    op.drop_table("fingerprint")
