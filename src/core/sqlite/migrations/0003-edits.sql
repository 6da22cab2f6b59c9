-- Edits: who has just written what, and what of it a peer is yet to be told. Older programs go on.

-- The last edit of a path by a peer, as its agent's hooks tell. Only the last moments matter.
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
CREATE INDEX touches_repo ON touches (repo, repo_path);
CREATE INDEX touches_time ON touches (at_uptime);

-- One row for what a peer should know of a path and another peer; told = 1 once it has been told.
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
CREATE INDEX edit_news_untold ON edit_news (peer_id, kind, id) WHERE told = 0;
CREATE INDEX edit_news_time ON edit_news (at_uptime);
