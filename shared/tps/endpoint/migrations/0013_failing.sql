-- What the platform operator is shown of failed messages, and what a tick finds of those whose time is over.
CREATE INDEX message_failed ON message (created_at, message_id) WHERE state = 'FAILED';
CREATE INDEX message_expiring ON message (expires_at)
    WHERE direction = 'out' AND state IN ('VERIFYING', 'ACCEPTED', 'DELIVERING', 'TRANSPORTED');
