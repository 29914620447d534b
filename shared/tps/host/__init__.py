"""The host: runs a function anywhere. App, worker, event delivery, settings and logs. Only this room uses Flask."""
