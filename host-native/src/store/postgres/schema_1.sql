-- States are numbered in the order in which the core lists them. Instants and durations are milliseconds. Ids and addresses are compared byte by
-- byte, as the core does; COLLATE_BYTES stands for what the database calls that.

CREATE TABLE promises (
    id TEXT COLLATE_BYTES PRIMARY KEY,
    state SMALLINT NOT NULL,
    timeout_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    settled_at BIGINT,
    has_waiters BOOLEAN NOT NULL,
    create_key TEXT,
    complete_key TEXT,
    branch TEXT,
    tags TEXT,
    param_headers TEXT,
    param_data TEXT,
    value_headers TEXT,
    value_data TEXT
);
CREATE INDEX promises_by_creation ON promises (created_at, id);
CREATE INDEX promises_by_deadline ON promises (timeout_at) WHERE state = 0;
CREATE INDEX promises_to_discharge ON promises (settled_at) WHERE has_waiters AND state <> 0;
-- Tags and workers have names of any length, which an index takes as digests only.
CREATE INDEX promises_by_branch ON promises (md5(branch), id) WHERE branch IS NOT NULL;

CREATE TABLE tasks (
    id TEXT COLLATE_BYTES PRIMARY KEY,
    state SMALLINT NOT NULL,
    version BIGINT NOT NULL,
    resumes TEXT,
    pid TEXT,
    ttl BIGINT,
    expires_at BIGINT,
    retry_at BIGINT,
    executes BIGINT NOT NULL,
    execute_at BIGINT
);
CREATE INDEX tasks_by_holder ON tasks (md5(pid), id) WHERE pid IS NOT NULL;
CREATE INDEX tasks_by_lease ON tasks (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX tasks_by_retry ON tasks (retry_at) WHERE retry_at IS NOT NULL;

CREATE TABLE callbacks (
    awaited TEXT COLLATE_BYTES NOT NULL,
    awaiter TEXT COLLATE_BYTES NOT NULL,
    PRIMARY KEY (awaited, awaiter)
);

CREATE TABLE listeners (
    awaited TEXT COLLATE_BYTES NOT NULL,
    address TEXT COLLATE_BYTES NOT NULL,
    PRIMARY KEY (awaited, address)
);

CREATE TABLE schedules (
    id TEXT COLLATE_BYTES PRIMARY KEY,
    cron TEXT NOT NULL,
    promise_id TEXT NOT NULL,
    promise_timeout BIGINT NOT NULL,
    promise_param_headers TEXT,
    promise_param_data TEXT,
    promise_tags TEXT,
    created_at BIGINT NOT NULL,
    next_run_at BIGINT NOT NULL,
    last_run_at BIGINT
);
CREATE INDEX schedules_by_next_run ON schedules (next_run_at);

CREATE TABLE outbox (
    kind SMALLINT NOT NULL,
    id TEXT COLLATE_BYTES NOT NULL,
    -- The listener of an unblock; empty for an execute, of which a task has at most one.
    listener TEXT COLLATE_BYTES NOT NULL,
    address TEXT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    failures BIGINT NOT NULL,
    waits BIGINT NOT NULL,
    -- The mailbox in which a parked message waits for a connection; nothing for the others.
    mailbox TEXT,
    PRIMARY KEY (kind, id, listener)
);
CREATE INDEX outbox_by_due ON outbox (due_at);
CREATE INDEX outbox_parked_by_age ON outbox (mailbox, created_at) WHERE mailbox IS NOT NULL;
-- For connections that may see only ids with a prefix.
CREATE INDEX outbox_parked_by_id ON outbox (mailbox, id) WHERE mailbox IS NOT NULL
