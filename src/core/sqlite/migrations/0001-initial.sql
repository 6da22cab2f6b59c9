-- Times named *_at are milliseconds since the Unix epoch, for people and for retention.
-- Times named *_uptime are milliseconds of the machine's boot clock, for lifetimes; comparable within one boot_id.

-- min_writer: the oldest schema number whose programs may still write to this file.
CREATE TABLE meta (
  key   TEXT PRIMARY KEY,
  value TEXT NOT NULL
) WITHOUT ROWID;
INSERT INTO meta VALUES ('min_writer', '1');

-- One row a mailbox: it stays when the process behind it goes. live = 1 while a process stands behind it.
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
);
CREATE INDEX peers_live ON peers (live, started_at);
CREATE INDEX peers_home ON peers (project_path, agent_type);

-- The log of what happened. Its seq is the one sequence of the mesh: state versions, fencing tokens and
-- event cursors are seqs of the events that announced them. AUTOINCREMENT never gives a number twice.
CREATE TABLE events (
  seq             INTEGER PRIMARY KEY AUTOINCREMENT,
  id              TEXT NOT NULL UNIQUE,
  type            TEXT NOT NULL,
  payload         TEXT NOT NULL,                -- a JSON object
  emitted_by      TEXT,                         -- a peer id, or a known sender such as cli
  emitted_by_name TEXT,
  created_at      INTEGER NOT NULL
);
CREATE INDEX events_type ON events (type, seq);
CREATE INDEX events_created ON events (created_at);

CREATE TABLE subscriptions (
  peer_id    TEXT NOT NULL REFERENCES peers ON DELETE CASCADE,
  type       TEXT NOT NULL,                     -- an event type, or *
  purpose    TEXT NOT NULL,                     -- agent: it is told; anything else only rings, and ends with the process
  created_at INTEGER NOT NULL,
  PRIMARY KEY (type, peer_id, purpose)
) WITHOUT ROWID;
CREATE INDEX subscriptions_peer ON subscriptions (peer_id);

-- How far each subscriber has been shown the log.
CREATE TABLE event_cursors (
  peer_id TEXT PRIMARY KEY REFERENCES peers ON DELETE CASCADE,
  seq     INTEGER NOT NULL
) WITHOUT ROWID;

-- One row a recipient. A message moves queued -> notified -> seen -> acked, or ends as expired.
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
CREATE INDEX messages_unread ON messages (recipient_id, seq) WHERE seen_at IS NULL AND expired_at IS NULL;
CREATE INDEX messages_queued ON messages (recipient_id, seq) WHERE seen_at IS NULL AND expired_at IS NULL AND notified_at IS NULL;
CREATE INDEX messages_recipient ON messages (recipient_id, seq);
CREATE INDEX messages_sender ON messages (sender_id, seq);
CREATE INDEX messages_thread ON messages (thread, seq);
CREATE INDEX messages_created ON messages (created_at);

-- Totals, so that status does not count.
CREATE TABLE totals (
  name  TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO totals VALUES ('messages', 0), ('events', 0);

CREATE TRIGGER events_counted AFTER INSERT ON events BEGIN
  UPDATE totals SET value = value + 1 WHERE name = 'events';
END;
CREATE TRIGGER events_uncounted AFTER DELETE ON events BEGIN
  UPDATE totals SET value = value - 1 WHERE name = 'events';
END;
CREATE TRIGGER messages_counted AFTER INSERT ON messages BEGIN
  UPDATE totals SET value = value + 1 WHERE name = 'messages';
  UPDATE peers SET unread = unread + 1, queued = queued + 1 WHERE id = NEW.recipient_id;
END;
CREATE TRIGGER messages_uncounted AFTER DELETE ON messages BEGIN
  UPDATE totals SET value = value - 1 WHERE name = 'messages';
  UPDATE peers SET
    unread = unread - (OLD.seen_at IS NULL AND OLD.expired_at IS NULL),
    queued = queued - (OLD.seen_at IS NULL AND OLD.expired_at IS NULL AND OLD.notified_at IS NULL)
  WHERE id = OLD.recipient_id;
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

-- version is the seq of the event that announced the change: it only grows, also across a delete.
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
CREATE TABLE namespaces (
  name    TEXT PRIMARY KEY,
  entries INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TRIGGER state_counted AFTER INSERT ON state BEGIN
  INSERT INTO namespaces VALUES (NEW.namespace, 1) ON CONFLICT DO UPDATE SET entries = entries + 1;
END;
CREATE TRIGGER state_uncounted AFTER DELETE ON state BEGIN
  UPDATE namespaces SET entries = entries - 1 WHERE name = OLD.namespace;
  DELETE FROM namespaces WHERE name = OLD.namespace AND entries = 0;
END;

-- path_key: canonical, folded where the file system folds. token: the seq of the event of the first grant.
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
CREATE INDEX locks_holder ON locks (holder_id);
CREATE INDEX locks_expiry ON locks (expires_uptime);
CREATE INDEX locks_repo ON locks (repo, repo_path);

-- Who waits for what, first come first served. One row a path; ticket is one request's place in line.
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
CREATE INDEX lock_waits_ticket ON lock_waits (ticket);
CREATE INDEX lock_waits_peer ON lock_waits (peer_id);
CREATE TABLE lock_tickets (ticket INTEGER PRIMARY KEY AUTOINCREMENT);

-- One row. peer_id is NULL when nobody leads; term only grows and starts at the Unix time in seconds, so
-- that a file made anew never repeats a term.
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
INSERT INTO leader (id, term) VALUES (1, unixepoch());
