-- What card ingest needs of the tables that are there

-- feeds
ALTER TABLE feed_provider
    ADD COLUMN signature_scheme VARCHAR(40) DEFAULT 'standard_webhooks' NOT NULL,
    ADD COLUMN push_profile TEXT,
    ADD COLUMN expected_every_hours BIGINT,
    ADD CONSTRAINT ck_feed_provider_signature_scheme CHECK (signature_scheme IN ('standard_webhooks', 'stripe',
        'rsa_nonce')),
    ADD CONSTRAINT ck_feed_provider_expected_sometime CHECK (expected_every_hours > 0);

ALTER TABLE feed_key
    ADD COLUMN kind VARCHAR(40) DEFAULT 'standard_webhooks' NOT NULL,
    ADD COLUMN fingerprint BYTEA,
    ADD CONSTRAINT ck_feed_key_feed_key_kind CHECK (kind IN ('standard_webhooks', 'ed25519', 'stripe', 'rsa',
        'client_certificate')),
    ADD CONSTRAINT ck_feed_key_certificate_has_fingerprint
        CHECK ((kind = 'client_certificate') = (fingerprint IS NOT NULL));
CREATE UNIQUE INDEX uq_feed_key_fingerprint ON feed_key (fingerprint) WHERE retired_at IS NULL;

ALTER TABLE feed_delivery
    ADD COLUMN sequence BIGINT,
    DROP CONSTRAINT ck_feed_delivery_delivery_door,
    ADD CONSTRAINT ck_feed_delivery_delivery_door CHECK (door IN ('signed_push', 'staff_upload', 'command_line',
        'watched_folder', 'polling')),
    DROP CONSTRAINT uq_feed_delivery_provider_code_sha256_account_ref_profile,
    ADD CONSTRAINT uq_feed_delivery_content
        UNIQUE NULLS NOT DISTINCT (provider_code, sha256, account_ref, profile, profile_version);
CREATE INDEX ix_feed_delivery_provider_code_received_at ON feed_delivery (provider_code, received_at);

ALTER TABLE quarantined_row ADD COLUMN transaction_id TEXT;
CREATE INDEX ix_quarantined_row_disputes ON quarantined_row (provider_code, transaction_id)
    WHERE code = 'same_id_other_content';

-- transactions
CREATE INDEX ix_card_decline_delivery_number_row_number ON card_decline (delivery_number, row_number);
ALTER TABLE card_transaction ADD COLUMN payee TEXT, ADD COLUMN authorisation_id TEXT;

ALTER TABLE card_hold
    ADD COLUMN released_pence BIGINT DEFAULT 0 NOT NULL,
    ADD CONSTRAINT ck_card_hold_released_within_amount CHECK (released_pence BETWEEN 0 AND amount_pence);

ALTER TABLE category_rule
    ADD COLUMN merchant TEXT,
    ADD COLUMN payee TEXT,
    ADD COLUMN account_id UUID,
    DROP CONSTRAINT ck_category_rule_one_key,
    ADD CONSTRAINT ck_category_rule_one_key CHECK (num_nonnulls(mcc, type, merchant, payee) = 1),
    ADD CONSTRAINT ck_category_rule_account_has_payee CHECK (account_id IS NULL OR payee IS NOT NULL),
    DROP CONSTRAINT uq_category_rule_mcc_type_effective_from,
    ADD CONSTRAINT uq_category_rule_key
        UNIQUE NULLS NOT DISTINCT (mcc, type, merchant, payee, account_id, effective_from),
    ADD CONSTRAINT fk_category_rule_account_id_account FOREIGN KEY (account_id) REFERENCES account (id);

-- clawback
ALTER TABLE clawback_run ADD COLUMN stale_accounts BIGINT DEFAULT 0 NOT NULL;
ALTER TABLE clawback_case ADD COLUMN left_out_from DATE;
