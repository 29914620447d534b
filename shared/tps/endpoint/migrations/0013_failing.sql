-- For the platform operator's list of failed messages, and for the tick that fails expired messages.
CREATE INDEX message_failed ON message (created_at, message_id) WHERE state = 'FAILED';
CREATE INDEX message_expiring ON message (expires_at)
    WHERE direction = 'out' AND state IN ('VERIFYING', 'ACCEPTED', 'DELIVERING', 'TRANSPORTED');
