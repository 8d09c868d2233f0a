-- Agreements, their budgets, accounts and cards. Written by dp_api.

CREATE TABLE agreement (
    id UUID NOT NULL,
    recipient_id UUID NOT NULL,
    kind VARCHAR(40) NOT NULL,
    legal_basis VARCHAR(40) NOT NULL,
    status VARCHAR(40) NOT NULL,
    holder_name TEXT,
    money_manager_id UUID,
    payment_schedule VARCHAR(40) NOT NULL,
    first_payment_on DATE,
    cash_permitted BOOLEAN NOT NULL,
    cash_reason TEXT,
    started_on DATE,
    suspension_reason TEXT,
    ended_on DATE,
    end_reason TEXT,
    version BIGINT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_agreement PRIMARY KEY (id),
    CONSTRAINT ck_agreement_cash_has_reason CHECK (NOT cash_permitted OR cash_reason IS NOT NULL),
    CONSTRAINT ck_agreement_active_has_start CHECK (status = 'draft' OR status = 'ended' OR started_on IS NOT NULL),
    CONSTRAINT ck_agreement_ended_has_day_and_reason CHECK ((status = 'ended') = (ended_on IS NOT NULL AND end_reason
        IS NOT NULL)),
    CONSTRAINT ck_agreement_suspended_has_reason CHECK ((status = 'suspended') = (suspension_reason IS NOT NULL)),
    CONSTRAINT ck_agreement_ends_after_start CHECK (ended_on >= started_on),
    CONSTRAINT ck_agreement_third_party_is_named CHECK (kind IN ('service_user', 'carer') OR holder_name IS NOT NULL),
    CONSTRAINT fk_agreement_recipient_id_recipient FOREIGN KEY(recipient_id) REFERENCES recipient (id),
    CONSTRAINT ck_agreement_agreement_kind CHECK (kind IN ('service_user', 'carer', 'nominated_person',
        'authorised_person')),
    CONSTRAINT ck_agreement_legal_basis CHECK (legal_basis IN ('s31', 's32', 's17a', 's117')),
    CONSTRAINT ck_agreement_agreement_status CHECK (status IN ('draft', 'active', 'suspended', 'ended')),
    CONSTRAINT fk_agreement_money_manager_id_money_manager FOREIGN KEY(money_manager_id) REFERENCES money_manager
        (id),
    CONSTRAINT ck_agreement_payment_schedule CHECK (payment_schedule IN ('four_weekly', 'monthly', 'one_off'))
);

CREATE INDEX ix_agreement_money_manager_id ON agreement (money_manager_id);

CREATE INDEX ix_agreement_recipient_id ON agreement (recipient_id);

CREATE UNIQUE INDEX uq_agreement_ongoing ON agreement (recipient_id) WHERE status IN ('active', 'suspended') AND payment_schedule <> 'one_off';

CREATE TABLE account (
    id UUID NOT NULL,
    agreement_id UUID,
    kind VARCHAR(40) NOT NULL,
    status VARCHAR(40) NOT NULL,
    provider_code TEXT NOT NULL,
    provider_account_ref TEXT NOT NULL,
    last_four TEXT,
    care_group VARCHAR(40),
    opened_on DATE NOT NULL,
    closed_on DATE,
    version BIGINT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_account PRIMARY KEY (id),
    CONSTRAINT uq_account_provider_code_provider_account_ref UNIQUE (provider_code, provider_account_ref),
    CONSTRAINT ck_account_trial_has_no_agreement CHECK ((kind = 'trial') = (agreement_id IS NULL)),
    CONSTRAINT ck_account_trial_has_no_care_group CHECK ((kind = 'trial') = (care_group IS NULL)),
    CONSTRAINT ck_account_closed_has_day CHECK ((status = 'closed') = (closed_on IS NOT NULL)),
    CONSTRAINT ck_account_closes_after_opening CHECK (closed_on >= opened_on),
    CONSTRAINT ck_account_last_four_digits CHECK (last_four ~ '^[0-9]{4}$'),
    CONSTRAINT fk_account_agreement_id_agreement FOREIGN KEY(agreement_id) REFERENCES agreement (id),
    CONSTRAINT ck_account_account_kind CHECK (kind IN ('prepaid_card', 'bank_account', 'money_manager_account',
        'trial')),
    CONSTRAINT ck_account_account_status CHECK (status IN ('open', 'closed')),
    CONSTRAINT fk_account_provider_code_feed_provider FOREIGN KEY(provider_code) REFERENCES feed_provider (code),
    CONSTRAINT ck_account_care_group CHECK (care_group IN ('older_people', 'learning_disabilities',
        'physical_disabilities', 'mental_health', 'carers'))
);

CREATE INDEX ix_account_agreement_id ON account (agreement_id);

CREATE UNIQUE INDEX uq_account_trial ON account (provider_code) WHERE kind = 'trial';

CREATE TABLE budget (
    id UUID NOT NULL,
    agreement_id UUID NOT NULL,
    effective_from DATE NOT NULL,
    revision BIGINT NOT NULL,
    weekly_gross_pence BIGINT NOT NULL,
    weekly_contribution_pence BIGINT NOT NULL,
    weekly_net_pence BIGINT NOT NULL,
    weekly_council_pence BIGINT NOT NULL,
    weekly_nhs_pence BIGINT NOT NULL,
    reason TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_budget PRIMARY KEY (id),
    CONSTRAINT uq_budget_agreement_id_effective_from_revision UNIQUE (agreement_id, effective_from, revision),
    CONSTRAINT ck_budget_amounts_not_negative CHECK (weekly_contribution_pence >= 0 AND weekly_net_pence >= 0),
    CONSTRAINT ck_budget_gross_is_contribution_and_net CHECK (weekly_gross_pence = weekly_contribution_pence +
        weekly_net_pence),
    CONSTRAINT ck_budget_gross_is_council_and_nhs CHECK (weekly_gross_pence = weekly_council_pence +
        weekly_nhs_pence),
    CONSTRAINT ck_budget_shares_not_negative CHECK (weekly_council_pence >= 0 AND weekly_nhs_pence >= 0),
    CONSTRAINT fk_budget_agreement_id_agreement FOREIGN KEY(agreement_id) REFERENCES agreement (id)
);

CREATE TABLE card (
    id UUID NOT NULL,
    account_id UUID NOT NULL,
    provider_code TEXT NOT NULL,
    provider_card_ref TEXT NOT NULL,
    last_four TEXT NOT NULL,
    opened_on DATE NOT NULL,
    closed_on DATE,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_card PRIMARY KEY (id),
    CONSTRAINT uq_card_provider_code_provider_card_ref UNIQUE (provider_code, provider_card_ref),
    CONSTRAINT ck_card_last_four_digits CHECK (last_four ~ '^[0-9]{4}$'),
    CONSTRAINT ck_card_closes_after_opening CHECK (closed_on >= opened_on),
    CONSTRAINT fk_card_account_id_account FOREIGN KEY(account_id) REFERENCES account (id),
    CONSTRAINT fk_card_provider_code_feed_provider FOREIGN KEY(provider_code) REFERENCES feed_provider (code)
);

CREATE INDEX ix_card_account_id ON card (account_id);

CREATE TABLE gross_today (
    agreement_id UUID NOT NULL,
    budget_id UUID NOT NULL,
    weekly_gross_pence BIGINT NOT NULL,
    valid_on DATE NOT NULL,
    CONSTRAINT pk_gross_today PRIMARY KEY (agreement_id),
    CONSTRAINT fk_gross_today_agreement_id_agreement FOREIGN KEY(agreement_id) REFERENCES agreement (id),
    CONSTRAINT fk_gross_today_budget_id_budget FOREIGN KEY(budget_id) REFERENCES budget (id)
);
