-- The mesh for those who are no session: people at a shell or a browser, scripts, and monitoring. Older programs go on.

-- The process that started a peer: a session whose parent is gone serves nobody.
ALTER TABLE peers ADD COLUMN parent_pid INTEGER;
ALTER TABLE peers ADD COLUMN parent_start TEXT;

-- kind = 'known': senders that need no registration. Their rows are mailboxes for what is answered to them; never live.
INSERT INTO peers (id, name, kind, agent_type, project_path, live, started_at, heartbeat_at, heartbeat_uptime) VALUES
  ('cli', 'cli', 'known', 'human', '', 0, 0, 0, 0),
  ('dashboard', 'dashboard', 'known', 'human', '', 0, 0, 0, 0);

-- Figures for monitoring: kept as things happen, so that asking does not count, and a new leader does not start at zero.
INSERT INTO totals VALUES
  ('messages.queued', 0), ('messages.notified', 0), ('messages.seen', 0), ('messages.acked', 0), ('messages.expired', 0),
  ('deliveries.ms', 0), ('elections', 0);
UPDATE totals SET value = (
  SELECT count(*) FROM messages WHERE totals.name = 'messages.' || CASE
    WHEN acked_at IS NOT NULL THEN 'acked' WHEN seen_at IS NOT NULL THEN 'seen' WHEN expired_at IS NOT NULL THEN 'expired'
    WHEN notified_at IS NOT NULL THEN 'notified' ELSE 'queued' END
) WHERE name LIKE 'messages.%';

-- How long messages took from sent to told or shown: how many at most le_ms, and longer than the bucket before.
CREATE TABLE delivery_latency (
  le_ms INTEGER PRIMARY KEY,
  count INTEGER NOT NULL DEFAULT 0
);
INSERT INTO delivery_latency (le_ms) VALUES
  (5), (10), (25), (50), (100), (250), (500), (1000), (2500), (5000), (10000), (30000), (60000), (300000), (9007199254740991);

CREATE TRIGGER messages_state_counted AFTER INSERT ON messages BEGIN
  UPDATE totals SET value = value + 1 WHERE name = 'messages.queued';
END;
CREATE TRIGGER messages_state_uncounted AFTER DELETE ON messages BEGIN
  UPDATE totals SET value = value - 1 WHERE name = 'messages.' || CASE
    WHEN OLD.acked_at IS NOT NULL THEN 'acked' WHEN OLD.seen_at IS NOT NULL THEN 'seen' WHEN OLD.expired_at IS NOT NULL THEN 'expired'
    WHEN OLD.notified_at IS NOT NULL THEN 'notified' ELSE 'queued' END;
END;
CREATE TRIGGER messages_state_moved AFTER UPDATE OF acked_at, seen_at, expired_at, notified_at ON messages BEGIN
  UPDATE totals SET value = value - 1 WHERE name = 'messages.' || CASE
    WHEN OLD.acked_at IS NOT NULL THEN 'acked' WHEN OLD.seen_at IS NOT NULL THEN 'seen' WHEN OLD.expired_at IS NOT NULL THEN 'expired'
    WHEN OLD.notified_at IS NOT NULL THEN 'notified' ELSE 'queued' END;
  UPDATE totals SET value = value + 1 WHERE name = 'messages.' || CASE
    WHEN NEW.acked_at IS NOT NULL THEN 'acked' WHEN NEW.seen_at IS NOT NULL THEN 'seen' WHEN NEW.expired_at IS NOT NULL THEN 'expired'
    WHEN NEW.notified_at IS NOT NULL THEN 'notified' ELSE 'queued' END;
END;
CREATE TRIGGER messages_delivered AFTER UPDATE OF seen_at, notified_at ON messages
  WHEN OLD.seen_at IS NULL AND OLD.notified_at IS NULL AND coalesce(NEW.notified_at, NEW.seen_at) IS NOT NULL
BEGIN
  UPDATE delivery_latency SET count = count + 1 WHERE le_ms =
    (SELECT min(le_ms) FROM delivery_latency WHERE le_ms >= coalesce(NEW.notified_at, NEW.seen_at) - NEW.created_at);
  UPDATE totals SET value = value + max(0, coalesce(NEW.notified_at, NEW.seen_at) - NEW.created_at) WHERE name = 'deliveries.ms';
END;
CREATE TRIGGER leader_counted AFTER UPDATE OF term ON leader BEGIN
  UPDATE totals SET value = value + 1 WHERE name = 'elections';
END;
