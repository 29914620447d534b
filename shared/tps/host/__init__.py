"""What runs a function anywhere: app, worker, event delivery, settings, logs. Only this room uses Flask."""
