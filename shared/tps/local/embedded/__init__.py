"""The embedded stack: NATS, S3 and Postgres as supervised child processes on one machine."""
