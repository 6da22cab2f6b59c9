-- Unread mail is found by the last four characters of a mailbox's id, which are random. An entry is then half as large. In a
-- mesh that has stored much, each mailbox's mail ends amid that of others, where every few entries fill a page and SQLite
-- evens out its neighbours. Older programs go on: they read these indexes from end to end.
DROP INDEX messages_unread;
DROP INDEX messages_queued;
CREATE INDEX messages_unread ON messages (substr(recipient_id, 18), seq) WHERE seen_at IS NULL AND expired_at IS NULL;
CREATE INDEX messages_queued ON messages (substr(recipient_id, 18), seq) WHERE seen_at IS NULL AND expired_at IS NULL AND notified_at IS NULL;
