-- What removing settled promises needs to find. Indexes that most rows are not in, or that grow at one end.

-- Settled promises in the order of their settlement.
CREATE INDEX promises_by_settlement ON promises (settled_at, id) WHERE settled_at IS NOT NULL;

-- Promises that name another one as their parent: read from the tags, so that no row is written again, and looked
-- for there first: most have none.
ALTER TABLE promises ADD COLUMN parent TEXT GENERATED ALWAYS AS
    (CASE WHEN instr(tags, '"resonate:parent"') AND json_valid(tags) THEN json_extract(tags, '$."resonate:parent"') END) VIRTUAL;
CREATE INDEX promises_by_parent ON promises (parent, id) WHERE parent IS NOT NULL;

CREATE INDEX callbacks_by_awaiter ON callbacks (awaiter, awaited);

-- Tasks that were woken and not acquired since.
CREATE INDEX tasks_resumed ON tasks (id) WHERE resumes IS NOT NULL
