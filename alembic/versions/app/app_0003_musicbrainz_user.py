"""MusicBrainz user of an account

Revision: app_0003
Follows: app_0002
"""

import sqlalchemy as sa
from alembic import op

revision = "app_0003"
down_revision = "app_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("account", sa.Column("mbuser", sa.String(), nullable=True))
    op.create_index("account_mbuser_idx", "account", ["mbuser"], unique=True)


def downgrade() -> None:
    op.drop_index("account_mbuser_idx", "account")
    op.drop_column("account", "mbuser")
