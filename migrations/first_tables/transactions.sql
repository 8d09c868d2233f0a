-- Money as it moved: posted transactions, holds, declines, balances and the spend summary. Written by card_ingest.

CREATE TABLE card_transaction (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    provider_code TEXT NOT NULL,
    provider_transaction_id TEXT NOT NULL,
    account_id UUID NOT NULL,
    card_id UUID,
    type TEXT NOT NULL,
    amount_pence BIGINT NOT NULL,
    merchant_pence BIGINT,
    merchant_currency TEXT,
    occurred_at TIMESTAMP WITH TIME ZONE NOT NULL,
    booked_on DATE NOT NULL,
    accounting_month INTEGER NOT NULL,
    care_group TEXT,
    category TEXT NOT NULL,
    category_rule_id INTEGER,
    mcc TEXT,
    merchant_name TEXT,
    merchant_category TEXT,
    reference TEXT,
    reverses_transaction_id TEXT,
    content_digest BYTEA NOT NULL,
    delivery_number BIGINT NOT NULL,
    row_number INTEGER NOT NULL,
    batch_number BIGINT NOT NULL,
    CONSTRAINT pk_card_transaction PRIMARY KEY (id),
    CONSTRAINT uq_card_transaction_provider_code_provider_transaction_id UNIQUE (provider_code,
        provider_transaction_id),
    CONSTRAINT ck_card_transaction_moves_money CHECK (amount_pence <> 0)
);

CREATE INDEX ix_card_transaction_account_id_booked_on ON card_transaction (account_id, booked_on);

CREATE INDEX ix_card_transaction_booked_on ON card_transaction USING brin (booked_on);

CREATE INDEX ix_card_transaction_delivery_number ON card_transaction USING brin (delivery_number);

CREATE TABLE category (
    code VARCHAR(40) NOT NULL,
    heading VARCHAR(40) NOT NULL,
    description TEXT NOT NULL,
    CONSTRAINT pk_category PRIMARY KEY (code),
    CONSTRAINT ck_category_spend_category CHECK (code IN ('personal_assistant', 'home_care', 'respite', 'day_care',
        'supported_living', 'aids_and_adaptations', 'travel', 'domestic', 'insurance', 'social_activities', 'leisure',
        'tourism', 'retail_household', 'hmrc_tax', 'pension', 'payroll_or_support_fee', 'money_manager_fee', 'cash',
        'card_fee', 'council_load', 'client_contribution', 'council_recovery', 'refund', 'uncategorised')),
    CONSTRAINT ck_category_spend_heading CHECK (heading IN ('social_care_providers', 'leisure', 'tourist_sites',
        'high_street_retailers', 'not_spend'))
);

CREATE TABLE category_rule (
    id INTEGER GENERATED ALWAYS AS IDENTITY,
    mcc TEXT,
    type VARCHAR(40),
    category VARCHAR(40) NOT NULL,
    effective_from DATE NOT NULL,
    made_by TEXT NOT NULL,
    reason TEXT NOT NULL,
    CONSTRAINT pk_category_rule PRIMARY KEY (id),
    CONSTRAINT ck_category_rule_one_key CHECK ((mcc IS NULL) <> (type IS NULL)),
    CONSTRAINT ck_category_rule_mcc_has_four_digits CHECK (mcc ~ '^[0-9]{4}$'),
    CONSTRAINT uq_category_rule_mcc_type_effective_from UNIQUE NULLS NOT DISTINCT (mcc, type, effective_from),
    CONSTRAINT ck_category_rule_transaction_type CHECK (type IN ('load', 'contribution_in', 'faster_payment_in',
        'purchase_pos', 'purchase_ecom', 'direct_debit', 'direct_debit_bounce', 'standing_order',
        'faster_payment_out', 'bacs_out', 'atm_withdrawal', 'cashback', 'quasi_cash', 'fee', 'refund', 'reversal',
        'chargeback', 'representment', 'unload', 'adjustment', 'card_transfer')),
    CONSTRAINT ck_category_rule_spend_category CHECK (category IN ('personal_assistant', 'home_care', 'respite',
        'day_care', 'supported_living', 'aids_and_adaptations', 'travel', 'domestic', 'insurance',
        'social_activities', 'leisure', 'tourism', 'retail_household', 'hmrc_tax', 'pension',
        'payroll_or_support_fee', 'money_manager_fee', 'cash', 'card_fee', 'council_load', 'client_contribution',
        'council_recovery', 'refund', 'uncategorised'))
);

CREATE TABLE spend_delta (
    batch_number BIGINT NOT NULL,
    accounting_month INTEGER NOT NULL,
    category TEXT NOT NULL,
    care_group TEXT NOT NULL,
    provider_code TEXT NOT NULL,
    amount_pence BIGINT NOT NULL,
    transactions BIGINT NOT NULL,
    CONSTRAINT pk_spend_delta PRIMARY KEY (batch_number, accounting_month, category, care_group, provider_code),
    CONSTRAINT ck_spend_delta_care_group_named CHECK (care_group <> '')
);

CREATE TABLE spend_summary (
    accounting_month INTEGER NOT NULL,
    category TEXT NOT NULL,
    care_group TEXT NOT NULL,
    provider_code TEXT NOT NULL,
    amount_pence BIGINT NOT NULL,
    transactions BIGINT NOT NULL,
    CONSTRAINT pk_spend_summary PRIMARY KEY (accounting_month, category, care_group, provider_code)
);

CREATE TABLE account_balance (
    account_id UUID NOT NULL,
    posted_pence BIGINT NOT NULL,
    held_pence BIGINT NOT NULL,
    transactions BIGINT NOT NULL,
    last_booked_on DATE,
    CONSTRAINT pk_account_balance PRIMARY KEY (account_id),
    CONSTRAINT fk_account_balance_account_id_account FOREIGN KEY(account_id) REFERENCES account (id)
)
 WITH (fillfactor = 65);

CREATE TABLE card_decline (
    provider_code TEXT NOT NULL,
    provider_transaction_id TEXT NOT NULL,
    account_id UUID NOT NULL,
    amount_pence BIGINT NOT NULL,
    reason TEXT,
    mcc TEXT,
    merchant_name TEXT,
    declined_at TIMESTAMP WITH TIME ZONE NOT NULL,
    delivery_number BIGINT NOT NULL,
    row_number INTEGER NOT NULL,
    CONSTRAINT pk_card_decline PRIMARY KEY (provider_code, provider_transaction_id),
    CONSTRAINT fk_card_decline_account_id_account FOREIGN KEY(account_id) REFERENCES account (id)
);

CREATE INDEX ix_card_decline_account_id_declined_at ON card_decline (account_id, declined_at);

CREATE TABLE card_hold (
    provider_code TEXT NOT NULL,
    provider_transaction_id TEXT NOT NULL,
    account_id UUID NOT NULL,
    amount_pence BIGINT NOT NULL,
    status VARCHAR(40) NOT NULL,
    mcc TEXT,
    merchant_name TEXT,
    authorised_at TIMESTAMP WITH TIME ZONE NOT NULL,
    settled_at TIMESTAMP WITH TIME ZONE,
    delivery_number BIGINT NOT NULL,
    row_number INTEGER NOT NULL,
    CONSTRAINT pk_card_hold PRIMARY KEY (provider_code, provider_transaction_id),
    CONSTRAINT ck_card_hold_amount_is_a_magnitude CHECK (amount_pence > 0),
    CONSTRAINT fk_card_hold_account_id_account FOREIGN KEY(account_id) REFERENCES account (id),
    CONSTRAINT ck_card_hold_event_status CHECK (status IN ('authorised', 'posted', 'reversed', 'expired', 'declined'))
);

CREATE INDEX ix_card_hold_open ON card_hold (account_id) WHERE status = 'authorised';
