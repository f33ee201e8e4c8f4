"""What alembic runs to bring a ledger to another schema, on a connection that is open."""

from alembic import context

from footprint.ledger.schema import VERSION_TABLE, metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
)
context.run_migrations()
