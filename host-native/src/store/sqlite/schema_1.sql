-- States are numbered in the order in which the core lists them. Instants and durations are milliseconds.

CREATE TABLE promises (
    -- Rows lie in the order of their arrival, so that random ids cost a small index, not the whole table.
    arrival INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    state INTEGER NOT NULL,
    timeout_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    settled_at INTEGER,
    has_waiters INTEGER NOT NULL,
    create_key TEXT,
    complete_key TEXT,
    branch TEXT,
    tags TEXT,
    param_headers TEXT,
    param_data TEXT,
    value_headers TEXT,
    value_data TEXT
) STRICT;
CREATE INDEX promises_by_creation ON promises (created_at);
CREATE INDEX promises_by_deadline ON promises (timeout_at) WHERE state = 0;
CREATE INDEX promises_to_discharge ON promises (settled_at) WHERE has_waiters = 1 AND state <> 0;
CREATE INDEX promises_by_branch ON promises (branch, id) WHERE branch IS NOT NULL;

CREATE TABLE tasks (
    id TEXT PRIMARY KEY,
    state INTEGER NOT NULL,
    version INTEGER NOT NULL,
    resumes TEXT,
    pid TEXT,
    ttl INTEGER,
    expires_at INTEGER,
    retry_at INTEGER,
    executes INTEGER NOT NULL,
    execute_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX tasks_by_holder ON tasks (pid, id) WHERE pid IS NOT NULL;
CREATE INDEX tasks_by_lease ON tasks (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX tasks_by_retry ON tasks (retry_at) WHERE retry_at IS NOT NULL;

CREATE TABLE callbacks (
    awaited TEXT NOT NULL,
    awaiter TEXT NOT NULL,
    PRIMARY KEY (awaited, awaiter)
) STRICT, WITHOUT ROWID;

CREATE TABLE listeners (
    awaited TEXT NOT NULL,
    address TEXT NOT NULL,
    PRIMARY KEY (awaited, address)
) STRICT, WITHOUT ROWID;

CREATE TABLE schedules (
    id TEXT PRIMARY KEY,
    cron TEXT NOT NULL,
    promise_id TEXT NOT NULL,
    promise_timeout INTEGER NOT NULL,
    promise_param_headers TEXT,
    promise_param_data TEXT,
    promise_tags TEXT,
    created_at INTEGER NOT NULL,
    next_run_at INTEGER NOT NULL,
    last_run_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX schedules_by_next_run ON schedules (next_run_at);

CREATE TABLE outbox (
    kind INTEGER NOT NULL,
    id TEXT NOT NULL,
    -- The listener of an unblock; empty for an execute, of which a task has at most one.
    listener TEXT NOT NULL,
    address TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    waits INTEGER NOT NULL,
    PRIMARY KEY (kind, id, listener)
) STRICT, WITHOUT ROWID;
CREATE INDEX outbox_by_due ON outbox (due_at);
CREATE INDEX outbox_by_address ON outbox (address);
