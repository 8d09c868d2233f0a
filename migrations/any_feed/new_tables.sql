-- The tables that card ingest needs for any feed, for reconciliation, alerts and decisions by two people

CREATE TABLE alert_due (
    batch_number BIGINT NOT NULL,
    first_id BIGINT,
    last_id BIGINT,
    CONSTRAINT pk_alert_due PRIMARY KEY (batch_number)
);

CREATE TABLE alert_policy (
    id INTEGER GENERATED ALWAYS AS IDENTITY,
    kind VARCHAR(40) NOT NULL,
    effective_from DATE NOT NULL,
    is_active BOOLEAN NOT NULL,
    route VARCHAR(40) NOT NULL,
    terms JSONB NOT NULL,
    made_by TEXT NOT NULL,
    reason TEXT NOT NULL,
    CONSTRAINT pk_alert_policy PRIMARY KEY (id),
    CONSTRAINT uq_alert_policy_kind_effective_from UNIQUE (kind, effective_from),
    CONSTRAINT ck_alert_policy_alert_kind CHECK (kind IN ('cash_without_permission', 'queried_merchant',
        'repeated_declines', 'bounced_direct_debit', 'care_payments_stopped', 'spend_after_end', 'spend_after_death',
        'same_payee_across_people', 'new_payee_over_limit', 'negative_balance', 'duplicate_charge',
        'disputed_transaction')),
    CONSTRAINT ck_alert_policy_alert_route CHECK (route IN ('care_pathway', 'finance'))
);

CREATE TABLE categorisation (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    transaction_id BIGINT NOT NULL,
    act_id UUID NOT NULL,
    category VARCHAR(40) NOT NULL,
    made_by TEXT NOT NULL,
    made_at TIMESTAMP WITH TIME ZONE NOT NULL,
    reason TEXT NOT NULL,
    CONSTRAINT pk_categorisation PRIMARY KEY (id),
    CONSTRAINT fk_categorisation_transaction_id_card_transaction FOREIGN KEY(transaction_id) REFERENCES
        card_transaction (id),
    CONSTRAINT ck_categorisation_spend_category CHECK (category IN ('personal_assistant', 'home_care', 'respite',
        'day_care', 'supported_living', 'aids_and_adaptations', 'travel', 'domestic', 'insurance',
        'social_activities', 'leisure', 'tourism', 'retail_household', 'hmrc_tax', 'pension',
        'payroll_or_support_fee', 'money_manager_fee', 'cash', 'card_fee', 'council_load', 'client_contribution',
        'council_recovery', 'refund', 'uncategorised'))
);

CREATE INDEX ix_categorisation_transaction_id_id ON categorisation (transaction_id, id);

CREATE TABLE feed_complete_day (
    provider_code TEXT NOT NULL,
    profile TEXT NOT NULL,
    account_ref TEXT NOT NULL,
    booked_on DATE NOT NULL,
    delivery_number BIGINT NOT NULL,
    rows BIGINT NOT NULL,
    digest BYTEA NOT NULL,
    revision BIGINT DEFAULT '1' NOT NULL,
    CONSTRAINT pk_feed_complete_day PRIMARY KEY (provider_code, profile, account_ref, booked_on, revision),
    CONSTRAINT fk_feed_complete_day_provider_code_feed_provider FOREIGN KEY(provider_code) REFERENCES feed_provider
        (code)
);

CREATE TABLE feed_increment_row (
    provider_code TEXT NOT NULL,
    profile TEXT NOT NULL,
    digest BYTEA NOT NULL,
    delivery_number BIGINT NOT NULL,
    CONSTRAINT pk_feed_increment_row PRIMARY KEY (provider_code, profile, digest),
    CONSTRAINT fk_feed_increment_row_provider_code_feed_provider FOREIGN KEY(provider_code) REFERENCES feed_provider
        (code)
);

CREATE TABLE feed_poll (
    provider_code TEXT NOT NULL,
    url TEXT NOT NULL,
    profile TEXT NOT NULL,
    token_encrypted BYTEA,
    every_seconds BIGINT NOT NULL,
    is_active BOOLEAN NOT NULL,
    cursor TEXT,
    next_at TIMESTAMP WITH TIME ZONE NOT NULL,
    last_at TIMESTAMP WITH TIME ZONE,
    last_outcome TEXT,
    failures BIGINT NOT NULL,
    leased_until TIMESTAMP WITH TIME ZONE,
    cursor_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_feed_poll PRIMARY KEY (provider_code),
    CONSTRAINT ck_feed_poll_polled_sometime CHECK (every_seconds > 0),
    CONSTRAINT fk_feed_poll_provider_code_feed_provider FOREIGN KEY(provider_code) REFERENCES feed_provider (code)
);

CREATE TABLE feed_statement (
    id UUID NOT NULL,
    delivery_number BIGINT NOT NULL,
    provider_code TEXT NOT NULL,
    account_ref TEXT NOT NULL,
    statement_ref TEXT,
    sequence BIGINT,
    currency TEXT NOT NULL,
    opening_on DATE,
    opening_pence BIGINT,
    closing_on DATE,
    closing_pence BIGINT,
    entries BIGINT NOT NULL,
    entries_pence BIGINT NOT NULL,
    is_proved BOOLEAN,
    CONSTRAINT pk_feed_statement PRIMARY KEY (id),
    CONSTRAINT fk_feed_statement_provider_code_feed_provider FOREIGN KEY(provider_code) REFERENCES feed_provider
        (code)
);

CREATE INDEX ix_feed_statement_account ON feed_statement (provider_code, account_ref, closing_on);

CREATE INDEX ix_feed_statement_delivery_number ON feed_statement (delivery_number);

CREATE TABLE quarantine_resolution (
    id UUID NOT NULL,
    quarantined_row_id UUID NOT NULL,
    resolution VARCHAR(40) NOT NULL,
    reason TEXT NOT NULL,
    proposed_by TEXT NOT NULL,
    proposed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    status VARCHAR(40) NOT NULL,
    decided_by TEXT,
    decided_at TIMESTAMP WITH TIME ZONE,
    decision_reason TEXT,
    CONSTRAINT pk_quarantine_resolution PRIMARY KEY (id),
    CONSTRAINT ck_quarantine_resolution_answered_has_answerer CHECK ((status = 'proposed') = (decided_by IS NULL)),
    CONSTRAINT ck_quarantine_resolution_answered_has_moment CHECK ((decided_by IS NULL) = (decided_at IS NULL)),
    CONSTRAINT ck_quarantine_resolution_two_people CHECK (decided_by <> proposed_by OR status = 'rejected'),
    CONSTRAINT fk_quarantine_resolution_quarantined_row_id_quarantined_row FOREIGN KEY(quarantined_row_id) REFERENCES
        quarantined_row (id),
    CONSTRAINT ck_quarantine_resolution_resolution CHECK (resolution IN ('post', 'already_posted', 'no_money',
        'replace')),
    CONSTRAINT ck_quarantine_resolution_proposal_status CHECK (status IN ('proposed', 'confirmed', 'rejected'))
);

CREATE INDEX ix_quarantine_resolution_quarantined_row_id ON quarantine_resolution (quarantined_row_id);

CREATE UNIQUE INDEX uq_quarantine_resolution_open ON quarantine_resolution (quarantined_row_id) WHERE status =
        'proposed';

CREATE TABLE alert (
    id UUID NOT NULL,
    key TEXT NOT NULL,
    kind VARCHAR(40) NOT NULL,
    route VARCHAR(40) NOT NULL,
    policy_id INTEGER NOT NULL,
    account_id UUID,
    transaction_id BIGINT,
    concerns_on DATE NOT NULL,
    facts JSONB NOT NULL,
    raised_at TIMESTAMP WITH TIME ZONE NOT NULL,
    status VARCHAR(40) NOT NULL,
    closed_at TIMESTAMP WITH TIME ZONE,
    closed_by TEXT,
    close_reason TEXT,
    version BIGINT NOT NULL,
    CONSTRAINT pk_alert PRIMARY KEY (id),
    CONSTRAINT uq_alert_key UNIQUE (key),
    CONSTRAINT ck_alert_closed_has_reason CHECK ((status = 'closed') = (closed_at IS NOT NULL AND closed_by IS NOT
        NULL AND close_reason IS NOT NULL)),
    CONSTRAINT ck_alert_alert_kind CHECK (kind IN ('cash_without_permission', 'queried_merchant', 'repeated_declines',
        'bounced_direct_debit', 'care_payments_stopped', 'spend_after_end', 'spend_after_death',
        'same_payee_across_people', 'new_payee_over_limit', 'negative_balance', 'duplicate_charge',
        'disputed_transaction')),
    CONSTRAINT ck_alert_alert_route CHECK (route IN ('care_pathway', 'finance')),
    CONSTRAINT fk_alert_policy_id_alert_policy FOREIGN KEY(policy_id) REFERENCES alert_policy (id),
    CONSTRAINT fk_alert_account_id_account FOREIGN KEY(account_id) REFERENCES account (id),
    CONSTRAINT ck_alert_alert_status CHECK (status IN ('open', 'closed'))
);

CREATE INDEX ix_alert_account_id ON alert (account_id);

CREATE INDEX ix_alert_open ON alert (route, raised_at) WHERE status = 'open';

CREATE TABLE card_release (
    provider_code TEXT NOT NULL,
    provider_transaction_id TEXT NOT NULL,
    status VARCHAR(40) NOT NULL,
    released_at TIMESTAMP WITH TIME ZONE NOT NULL,
    amount_pence BIGINT NOT NULL,
    hold_id TEXT NOT NULL,
    account_id UUID NOT NULL,
    delivery_number BIGINT NOT NULL,
    row_number INTEGER NOT NULL,
    CONSTRAINT pk_card_release PRIMARY KEY (provider_code, provider_transaction_id, status, released_at, amount_pence),
    CONSTRAINT ck_card_release_amount_is_a_magnitude CHECK (amount_pence >= 0),
    CONSTRAINT ck_card_release_ends_or_lessens CHECK (status <> 'authorised'),
    CONSTRAINT ck_card_release_event_status CHECK (status IN ('authorised', 'posted', 'reversed', 'expired',
        'declined')),
    CONSTRAINT fk_card_release_account_id_account FOREIGN KEY(account_id) REFERENCES account (id)
);

CREATE INDEX ix_card_release_hold ON card_release (provider_code, hold_id);

CREATE TABLE reconciliation_finding (
    id UUID NOT NULL,
    key TEXT NOT NULL,
    kind VARCHAR(40) NOT NULL,
    provider_code TEXT NOT NULL,
    account_id UUID,
    concerns_on DATE,
    stated_pence BIGINT,
    held_pence BIGINT,
    detail TEXT NOT NULL,
    delivery_number BIGINT,
    found_at TIMESTAMP WITH TIME ZONE NOT NULL,
    status VARCHAR(40) NOT NULL,
    closed_at TIMESTAMP WITH TIME ZONE,
    closed_by TEXT,
    close_reason TEXT,
    CONSTRAINT pk_reconciliation_finding PRIMARY KEY (id),
    CONSTRAINT ck_reconciliation_finding_closed_has_reason CHECK ((status = 'closed') = (closed_at IS NOT NULL AND
        closed_by IS NOT NULL AND close_reason IS NOT NULL)),
    CONSTRAINT ck_reconciliation_finding_finding_kind CHECK (kind IN ('balance_differs', 'statement_does_not_add_up',
        'sequence_gap', 'feed_is_late', 'complete_day_changed')),
    CONSTRAINT fk_reconciliation_finding_provider_code_feed_provider FOREIGN KEY(provider_code) REFERENCES
        feed_provider (code),
    CONSTRAINT fk_reconciliation_finding_account_id_account FOREIGN KEY(account_id) REFERENCES account (id),
    CONSTRAINT ck_reconciliation_finding_finding_status CHECK (status IN ('open', 'closed'))
);

CREATE INDEX ix_reconciliation_finding_provider_code ON reconciliation_finding (provider_code, found_at);

CREATE UNIQUE INDEX uq_reconciliation_finding_open ON reconciliation_finding (key) WHERE status = 'open';
