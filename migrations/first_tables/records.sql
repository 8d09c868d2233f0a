-- The trail and the machinery that all three services share: audit, reads, seals, personal keys, idempotency, jobs.

CREATE TABLE audit_entry (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    service VARCHAR(40) NOT NULL,
    actor TEXT NOT NULL,
    actor_role TEXT NOT NULL,
    action TEXT NOT NULL,
    outcome TEXT NOT NULL,
    subject_kind TEXT NOT NULL,
    subject_id TEXT NOT NULL,
    request_id TEXT,
    reason TEXT,
    legal_source TEXT,
    changes JSONB NOT NULL,
    digest BYTEA,
    CONSTRAINT pk_audit_entry PRIMARY KEY (id),
    CONSTRAINT ck_audit_entry_service CHECK (service IN ('dp_api', 'card_ingest', 'clawback'))
);

CREATE INDEX ix_audit_entry_actor ON audit_entry (actor, id);

CREATE INDEX ix_audit_entry_at ON audit_entry (at);

CREATE INDEX ix_audit_entry_subject_id ON audit_entry (subject_kind, subject_id);

CREATE TABLE audit_seal (
    book VARCHAR(40) NOT NULL,
    number BIGINT NOT NULL,
    sealed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    entry_ids BIGINT[] NOT NULL,
    entry_hashes BYTEA NOT NULL,
    previous_hash BYTEA NOT NULL,
    block_hash BYTEA NOT NULL,
    signature BYTEA NOT NULL,
    CONSTRAINT pk_audit_seal PRIMARY KEY (book, number),
    CONSTRAINT ck_audit_seal_audit_book CHECK (book IN ('acts', 'reads'))
);

CREATE TABLE idempotency_record (
    caller TEXT NOT NULL,
    operation TEXT NOT NULL,
    key TEXT NOT NULL,
    request_hash BYTEA NOT NULL,
    status INTEGER NOT NULL,
    headers JSONB NOT NULL,
    body_encrypted BYTEA NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_idempotency_record PRIMARY KEY (caller, operation, key)
);

CREATE INDEX ix_idempotency_record_created_at ON idempotency_record (created_at);

CREATE TABLE job_run (
    job TEXT NOT NULL,
    period TEXT NOT NULL,
    finished_at TIMESTAMP WITH TIME ZONE NOT NULL,
    outcome JSONB NOT NULL,
    CONSTRAINT pk_job_run PRIMARY KEY (job, period)
);

CREATE TABLE personal_key (
    person_id UUID NOT NULL,
    key_encrypted BYTEA NOT NULL,
    CONSTRAINT pk_personal_key PRIMARY KEY (person_id)
);

CREATE TABLE read_log (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    service VARCHAR(40) NOT NULL,
    actor TEXT NOT NULL,
    actor_role TEXT NOT NULL,
    action TEXT NOT NULL,
    request_id TEXT,
    subject_kind TEXT NOT NULL,
    subject_ids UUID[] NOT NULL,
    CONSTRAINT pk_read_log PRIMARY KEY (id),
    CONSTRAINT ck_read_log_service CHECK (service IN ('dp_api', 'card_ingest', 'clawback'))
);

CREATE INDEX ix_read_log_at ON read_log (at);

CREATE INDEX ix_read_log_subject_ids ON read_log USING gin (subject_ids);

CREATE TABLE scheduler_heartbeat (
    service VARCHAR(40) NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_scheduler_heartbeat PRIMARY KEY (service),
    CONSTRAINT ck_scheduler_heartbeat_service CHECK (service IN ('dp_api', 'card_ingest', 'clawback'))
);

CREATE TABLE unsealed_entry (
    book VARCHAR(40) NOT NULL,
    entry_id BIGINT NOT NULL,
    CONSTRAINT pk_unsealed_entry PRIMARY KEY (book, entry_id),
    CONSTRAINT ck_unsealed_entry_audit_book CHECK (book IN ('acts', 'reads'))
);
