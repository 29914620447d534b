"""Drivers of the stores: the database (Postgres), the mailbox (NATS), objects (S3), and migrations."""
