-- What removing settled promises needs to find: indexes alone, so that servers of the version before go on beside this one. On a large table they may be
-- made beforehand, under the same names, without locking out those who write.

-- Settled promises in the order of their settlement.
CREATE INDEX IF NOT EXISTS promises_by_settlement ON promises (settled_at, id) WHERE settled_at IS NOT NULL;

-- Promises by the parent that their tags name, up to its first quotation mark. Nothing of it fails on any text.
CREATE INDEX IF NOT EXISTS promises_by_parent ON promises
    (md5(split_part(split_part(tags, '"resonate:parent":"', 2), '"', 1)), id) WHERE strpos(tags, '"resonate:parent":"') > 0;

CREATE INDEX IF NOT EXISTS callbacks_by_awaiter ON callbacks (awaiter, awaited)
