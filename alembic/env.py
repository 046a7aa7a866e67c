"""Runs the history of one database on the connection that ``fpservice db upgrade`` opened."""

from alembic import context

connection = context.config.attributes["connection"]
name = context.config.attributes["database"]

context.configure(
    connection=connection,
    target_metadata=context.config.attributes["metadata"],
    version_table=f"alembic_version_{name}",
    # SQLite cannot alter most things in place.
    render_as_batch=connection.dialect.name == "sqlite",
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
