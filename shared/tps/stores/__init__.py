"""What the outside world is asked to keep: registry and ledger (Postgres), documents (S3), mailbox (NATS)."""
