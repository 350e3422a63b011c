"""The job store on PostgreSQL 13 or newer: many hosts, and everything in one database that the shop may already run."""

from storehand.store.postgres.store import PostgresStore

__all__ = ["PostgresStore"]
