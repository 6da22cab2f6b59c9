-- user_version 5

CREATE INDEX browser_keys_expiry ON browser_keys (expires_uptime);

CREATE INDEX edit_news_time ON edit_news (at_uptime);

CREATE INDEX edit_news_untold ON edit_news (peer_id, kind, id) WHERE told = 0;

CREATE INDEX events_created ON events (created_at);

CREATE INDEX events_type ON events (type, seq);

CREATE INDEX lock_waits_peer ON lock_waits (peer_id);

CREATE INDEX lock_waits_ticket ON lock_waits (ticket);

CREATE INDEX locks_expiry ON locks (expires_uptime);

CREATE INDEX locks_holder ON locks (holder_id);

CREATE INDEX locks_repo ON locks (repo, repo_path);

CREATE INDEX messages_created ON messages (created_at);

CREATE INDEX messages_queued ON messages (substr(recipient_id, 18), seq) WHERE seen_at IS NULL AND expired_at IS NULL AND notified_at IS NULL;

CREATE INDEX messages_recipient ON messages (recipient_id, seq);

CREATE INDEX messages_sender ON messages (sender_id, seq);

CREATE INDEX messages_thread ON messages (thread, seq);

CREATE INDEX messages_unread ON messages (substr(recipient_id, 18), seq) WHERE seen_at IS NULL AND expired_at IS NULL;

CREATE INDEX peers_home ON peers (project_path, agent_type);

CREATE INDEX peers_live ON peers (live, started_at);

CREATE INDEX subscriptions_peer ON subscriptions (peer_id);

CREATE INDEX touches_repo ON touches (repo, repo_path);

CREATE INDEX touches_time ON touches (at_uptime);

CREATE TABLE browser_keys (
  digest         TEXT PRIMARY KEY,
  used_at        INTEGER,                       -- null: not yet
  used_uptime    INTEGER NOT NULL,              -- when it was last used, or made
  expires_uptime INTEGER NOT NULL,
  boot_id        TEXT NOT NULL                  -- a key does not outlive the machine's run
) WITHOUT ROWID;

CREATE TABLE delivery_latency (
  le_ms INTEGER PRIMARY KEY,
  count INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE edit_news (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  peer_id    TEXT NOT NULL REFERENCES peers ON DELETE CASCADE,
  kind       TEXT NOT NULL,                     -- collision: both have written it | changed: a locked file has moved on
  path_key   TEXT NOT NULL,
  file_path  TEXT NOT NULL,
  other_id   TEXT NOT NULL,                     -- collision: who else wrote it; changed: who holds it
  other_name TEXT NOT NULL,
  detail     TEXT NOT NULL,                     -- a JSON object
  at         INTEGER NOT NULL,
  at_uptime  INTEGER NOT NULL,
  boot_id    TEXT NOT NULL,
  told       INTEGER NOT NULL DEFAULT 0,
  UNIQUE (peer_id, kind, path_key, other_id)
);

CREATE TABLE event_cursors (
  peer_id TEXT PRIMARY KEY REFERENCES peers ON DELETE CASCADE,
  seq     INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE events (
  seq             INTEGER PRIMARY KEY AUTOINCREMENT,
  id              TEXT NOT NULL UNIQUE,
  type            TEXT NOT NULL,
  payload         TEXT NOT NULL,                -- a JSON object
  emitted_by      TEXT,                         -- a peer id, or a known sender such as cli
  emitted_by_name TEXT,
  created_at      INTEGER NOT NULL
);

CREATE TABLE leader (
  id            INTEGER PRIMARY KEY CHECK (id = 1),
  term          INTEGER NOT NULL,
  peer_id       TEXT,
  peer_name     TEXT,
  pid           INTEGER,
  process_start TEXT,
  boot_id       TEXT,
  pid_namespace TEXT,
  socket_path   TEXT,
  port          INTEGER,
  token_hash    TEXT,
  elected_at    INTEGER
);

CREATE TABLE lock_tickets (ticket INTEGER PRIMARY KEY AUTOINCREMENT);

CREATE TABLE lock_waits (
  ticket       INTEGER NOT NULL,
  path_key     TEXT NOT NULL,
  peer_id      TEXT NOT NULL REFERENCES peers ON DELETE CASCADE,
  peer_name    TEXT NOT NULL,
  until_at     INTEGER NOT NULL,
  until_uptime INTEGER NOT NULL,
  boot_id      TEXT NOT NULL,
  PRIMARY KEY (path_key, ticket)
) WITHOUT ROWID;

CREATE TABLE locks (
  path_key       TEXT PRIMARY KEY,
  file_path      TEXT NOT NULL,
  repo           TEXT,
  repo_path      TEXT,
  holder_id      TEXT NOT NULL,
  holder_name    TEXT NOT NULL,
  reason         TEXT NOT NULL,
  token          INTEGER NOT NULL,
  locked_at      INTEGER NOT NULL,
  expires_at     INTEGER NOT NULL,              -- shown
  expires_uptime INTEGER NOT NULL,              -- obeyed
  boot_id        TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE messages (
  seq            INTEGER PRIMARY KEY AUTOINCREMENT,
  id             TEXT NOT NULL UNIQUE,
  thread         TEXT NOT NULL,                 -- the id of the message that began it
  reply_to       TEXT,
  sender_id      TEXT NOT NULL,
  sender_name    TEXT NOT NULL,
  sender_agent   TEXT NOT NULL,
  recipient_id   TEXT NOT NULL REFERENCES peers ON DELETE CASCADE,
  recipient_name TEXT NOT NULL,
  type           TEXT NOT NULL,
  priority       TEXT NOT NULL,
  payload        TEXT NOT NULL,
  created_at     INTEGER NOT NULL,
  notified_at    INTEGER,
  notified_by    TEXT,                          -- the route that told of it
  seen_at        INTEGER,
  acked_at       INTEGER,
  expired_at     INTEGER
);

CREATE TABLE meta (
  key   TEXT PRIMARY KEY,
  value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE namespaces (
  name    TEXT PRIMARY KEY,
  entries INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE peers (
  id               TEXT PRIMARY KEY,
  name             TEXT NOT NULL UNIQUE COLLATE NOCASE,
  kind             TEXT NOT NULL,               -- session | headless | script
  agent_type       TEXT NOT NULL,
  named            INTEGER NOT NULL DEFAULT 0,  -- 1: the name was chosen by the user
  session_key      TEXT UNIQUE,                 -- the client's own name for its session, where it tells one
  project_path     TEXT NOT NULL,
  git_root         TEXT,
  git_branch       TEXT,
  repo             TEXT,                        -- the git directory that all worktrees of a repository share
  summary          TEXT NOT NULL DEFAULT '',
  reach            TEXT NOT NULL DEFAULT 'poll',
  live             INTEGER NOT NULL,
  pid              INTEGER,
  process_start    TEXT,
  boot_id          TEXT,
  pid_namespace    TEXT,
  socket_path      TEXT,
  started_at       INTEGER NOT NULL,
  heartbeat_at     INTEGER NOT NULL,
  heartbeat_uptime INTEGER NOT NULL,
  left_at          INTEGER,
  unread           INTEGER NOT NULL DEFAULT 0,  -- kept by the triggers below, so that asking costs one row
  queued           INTEGER NOT NULL DEFAULT 0   -- unread, and not yet told of
, parent_pid INTEGER, parent_start TEXT);

CREATE TABLE state (
  namespace       TEXT NOT NULL,
  key             TEXT NOT NULL,
  value           TEXT NOT NULL,
  version         INTEGER NOT NULL,
  updated_by      TEXT NOT NULL,
  updated_by_name TEXT NOT NULL,
  updated_at      INTEGER NOT NULL,
  PRIMARY KEY (namespace, key)
);

CREATE TABLE subscriptions (
  peer_id    TEXT NOT NULL REFERENCES peers ON DELETE CASCADE,
  type       TEXT NOT NULL,                     -- an event type, or *
  purpose    TEXT NOT NULL,                     -- agent: it is told; anything else only rings, and ends with the process
  created_at INTEGER NOT NULL,
  PRIMARY KEY (type, peer_id, purpose)
) WITHOUT ROWID;

CREATE TABLE totals (
  name  TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE touches (
  path_key  TEXT NOT NULL,
  peer_id   TEXT NOT NULL,
  peer_name TEXT NOT NULL,
  file_path TEXT NOT NULL,
  repo      TEXT,                               -- to recognise the same file in another worktree
  repo_path TEXT,
  at        INTEGER NOT NULL,                   -- shown
  at_uptime INTEGER NOT NULL,                   -- obeyed
  boot_id   TEXT NOT NULL,
  PRIMARY KEY (path_key, peer_id)
) WITHOUT ROWID;

CREATE TRIGGER events_counted AFTER INSERT ON events BEGIN
  UPDATE totals SET value = value + 1 WHERE name = 'events';
END;

CREATE TRIGGER events_uncounted AFTER DELETE ON events BEGIN
  UPDATE totals SET value = value - 1 WHERE name = 'events';
END;

CREATE TRIGGER leader_counted AFTER UPDATE OF term ON leader BEGIN
  UPDATE totals SET value = value + 1 WHERE name = 'elections';
END;

CREATE TRIGGER messages_counted AFTER INSERT ON messages BEGIN
  UPDATE totals SET value = value + 1 WHERE name = 'messages';
  UPDATE peers SET unread = unread + 1, queued = queued + 1 WHERE id = NEW.recipient_id;
END;

CREATE TRIGGER messages_delivered AFTER UPDATE OF seen_at, notified_at ON messages
  WHEN OLD.seen_at IS NULL AND OLD.notified_at IS NULL AND coalesce(NEW.notified_at, NEW.seen_at) IS NOT NULL
BEGIN
  UPDATE delivery_latency SET count = count + 1 WHERE le_ms =
    (SELECT min(le_ms) FROM delivery_latency WHERE le_ms >= coalesce(NEW.notified_at, NEW.seen_at) - NEW.created_at);
  UPDATE totals SET value = value + max(0, coalesce(NEW.notified_at, NEW.seen_at) - NEW.created_at) WHERE name = 'deliveries.ms';
END;

CREATE TRIGGER messages_moved AFTER UPDATE OF seen_at, notified_at, expired_at, recipient_id ON messages BEGIN
  UPDATE peers SET
    unread = unread - (OLD.seen_at IS NULL AND OLD.expired_at IS NULL),
    queued = queued - (OLD.seen_at IS NULL AND OLD.expired_at IS NULL AND OLD.notified_at IS NULL)
  WHERE id = OLD.recipient_id;
  UPDATE peers SET
    unread = unread + (NEW.seen_at IS NULL AND NEW.expired_at IS NULL),
    queued = queued + (NEW.seen_at IS NULL AND NEW.expired_at IS NULL AND NEW.notified_at IS NULL)
  WHERE id = NEW.recipient_id;
END;

CREATE TRIGGER messages_state_counted AFTER INSERT ON messages BEGIN
  UPDATE totals SET value = value + 1 WHERE name = 'messages.queued';
END;

CREATE TRIGGER messages_state_moved AFTER UPDATE OF acked_at, seen_at, expired_at, notified_at ON messages BEGIN
  UPDATE totals SET value = value - 1 WHERE name = 'messages.' || CASE
    WHEN OLD.acked_at IS NOT NULL THEN 'acked' WHEN OLD.seen_at IS NOT NULL THEN 'seen' WHEN OLD.expired_at IS NOT NULL THEN 'expired'
    WHEN OLD.notified_at IS NOT NULL THEN 'notified' ELSE 'queued' END;
  UPDATE totals SET value = value + 1 WHERE name = 'messages.' || CASE
    WHEN NEW.acked_at IS NOT NULL THEN 'acked' WHEN NEW.seen_at IS NOT NULL THEN 'seen' WHEN NEW.expired_at IS NOT NULL THEN 'expired'
    WHEN NEW.notified_at IS NOT NULL THEN 'notified' ELSE 'queued' END;
END;

CREATE TRIGGER messages_state_uncounted AFTER DELETE ON messages BEGIN
  UPDATE totals SET value = value - 1 WHERE name = 'messages.' || CASE
    WHEN OLD.acked_at IS NOT NULL THEN 'acked' WHEN OLD.seen_at IS NOT NULL THEN 'seen' WHEN OLD.expired_at IS NOT NULL THEN 'expired'
    WHEN OLD.notified_at IS NOT NULL THEN 'notified' ELSE 'queued' END;
END;

CREATE TRIGGER messages_uncounted AFTER DELETE ON messages BEGIN
  UPDATE totals SET value = value - 1 WHERE name = 'messages';
  UPDATE peers SET
    unread = unread - (OLD.seen_at IS NULL AND OLD.expired_at IS NULL),
    queued = queued - (OLD.seen_at IS NULL AND OLD.expired_at IS NULL AND OLD.notified_at IS NULL)
  WHERE id = OLD.recipient_id;
END;

CREATE TRIGGER state_counted AFTER INSERT ON state BEGIN
  INSERT INTO namespaces VALUES (NEW.namespace, 1) ON CONFLICT DO UPDATE SET entries = entries + 1;
END;

CREATE TRIGGER state_uncounted AFTER DELETE ON state BEGIN
  UPDATE namespaces SET entries = entries - 1 WHERE name = OLD.namespace;
  DELETE FROM namespaces WHERE name = OLD.namespace AND entries = 0;
END;
