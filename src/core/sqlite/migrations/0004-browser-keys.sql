-- What opens the dashboard in a person's browser, under any leader. Older programs go on.

-- Of a key only its SHA-256, in hex: who reads the file learns none.
CREATE TABLE browser_keys (
  digest         TEXT PRIMARY KEY,
  used_at        INTEGER,                       -- null: not yet
  used_uptime    INTEGER NOT NULL,              -- when it was last used, or made
  expires_uptime INTEGER NOT NULL,
  boot_id        TEXT NOT NULL                  -- a key does not outlive the machine's run
) WITHOUT ROWID;
CREATE INDEX browser_keys_expiry ON browser_keys (expires_uptime);
