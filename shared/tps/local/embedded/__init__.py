"""The embedded stack: real NATS, S3 and Postgres as child processes of one machine, provisioned and supervised."""
