"""The only place that knows Flask, parliament, CloudEvents and environment variables."""
