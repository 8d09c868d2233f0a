-- Clawback: policy, runs, calculations and cases. Written by clawback.

CREATE TABLE clawback_calculation_line (
    calculation_id UUID NOT NULL,
    account_id UUID NOT NULL,
    account_kind VARCHAR(40) NOT NULL,
    posted_pence BIGINT NOT NULL,
    held_pence BIGINT NOT NULL,
    transactions BIGINT NOT NULL,
    last_booked_on DATE,
    CONSTRAINT pk_clawback_calculation_line PRIMARY KEY (calculation_id, account_id),
    CONSTRAINT ck_clawback_calculation_line_account_kind CHECK (account_kind IN ('prepaid_card', 'bank_account',
        'money_manager_account', 'trial'))
);

CREATE TABLE clawback_policy (
    version INTEGER GENERATED ALWAYS AS IDENTITY,
    effective_from DATE NOT NULL,
    threshold_weeks INTEGER NOT NULL,
    source TEXT NOT NULL,
    made_by TEXT NOT NULL,
    reason TEXT NOT NULL,
    CONSTRAINT pk_clawback_policy PRIMARY KEY (version),
    CONSTRAINT ck_clawback_policy_threshold_is_positive CHECK (threshold_weeks > 0),
    CONSTRAINT uq_clawback_policy_effective_from UNIQUE (effective_from)
);

CREATE TABLE clawback_run (
    id UUID NOT NULL,
    as_of DATE NOT NULL,
    trigger VARCHAR(40) NOT NULL,
    policy_version INTEGER NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE NOT NULL,
    finished_at TIMESTAMP WITH TIME ZONE NOT NULL,
    accounts BIGINT NOT NULL,
    agreements BIGINT NOT NULL,
    flagged BIGINT NOT NULL,
    new_cases BIGINT NOT NULL,
    excess_pence BIGINT NOT NULL,
    digest BYTEA NOT NULL,
    CONSTRAINT pk_clawback_run PRIMARY KEY (id),
    CONSTRAINT ck_clawback_run_run_trigger CHECK (trigger IN ('scheduled', 'manual')),
    CONSTRAINT fk_clawback_run_policy_version_clawback_policy FOREIGN KEY(policy_version) REFERENCES clawback_policy
        (version)
);

CREATE UNIQUE INDEX uq_clawback_run_scheduled ON clawback_run (as_of) WHERE trigger = 'scheduled';

CREATE TABLE clawback_case (
    id UUID NOT NULL,
    agreement_id UUID NOT NULL,
    ground VARCHAR(40) NOT NULL,
    status VARCHAR(40) NOT NULL,
    opened_on DATE NOT NULL,
    opened_by_run_id UUID NOT NULL,
    last_flagged_on DATE NOT NULL,
    calculation_id UUID NOT NULL,
    excess_pence BIGINT NOT NULL,
    weeks_of_cover_hundredths BIGINT,
    withdrawal_reason TEXT,
    version BIGINT NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_clawback_case PRIMARY KEY (id),
    CONSTRAINT ck_clawback_case_withdrawn_has_reason CHECK ((status = 'withdrawn') = (withdrawal_reason IS NOT NULL)),
    CONSTRAINT fk_clawback_case_agreement_id_agreement FOREIGN KEY(agreement_id) REFERENCES agreement (id),
    CONSTRAINT ck_clawback_case_case_ground CHECK (ground IN ('surplus')),
    CONSTRAINT ck_clawback_case_case_status CHECK (status IN ('awaiting_support_check', 'withdrawn')),
    CONSTRAINT fk_clawback_case_opened_by_run_id_clawback_run FOREIGN KEY(opened_by_run_id) REFERENCES clawback_run
        (id) DEFERRABLE INITIALLY DEFERRED
);

CREATE UNIQUE INDEX uq_clawback_case_open ON clawback_case (agreement_id, ground) WHERE status <> 'withdrawn';

CREATE TABLE clawback_calculation (
    id UUID NOT NULL,
    case_id UUID NOT NULL,
    run_id UUID NOT NULL,
    as_of DATE NOT NULL,
    policy_version INTEGER NOT NULL,
    budget_id UUID NOT NULL,
    weekly_gross_pence BIGINT NOT NULL,
    threshold_weeks INTEGER NOT NULL,
    threshold_pence BIGINT NOT NULL,
    posted_pence BIGINT NOT NULL,
    held_pence BIGINT NOT NULL,
    counted_pence BIGINT NOT NULL,
    excess_pence BIGINT NOT NULL,
    transactions BIGINT NOT NULL,
    low_point_pence BIGINT NOT NULL,
    low_point_on DATE NOT NULL,
    last_load_on DATE,
    last_load_pence BIGINT,
    CONSTRAINT pk_clawback_calculation PRIMARY KEY (id),
    CONSTRAINT ck_clawback_calculation_counted_is_posted_less_held CHECK (counted_pence = posted_pence - held_pence),
    CONSTRAINT ck_clawback_calculation_threshold_is_weeks_of_gross CHECK (threshold_pence = threshold_weeks *
        weekly_gross_pence),
    CONSTRAINT ck_clawback_calculation_excess_is_counted_less_threshold CHECK (excess_pence = counted_pence -
        threshold_pence),
    CONSTRAINT ck_clawback_calculation_only_what_is_over CHECK (excess_pence > 0),
    CONSTRAINT fk_clawback_calculation_case_id_clawback_case FOREIGN KEY(case_id) REFERENCES clawback_case (id)
);

CREATE INDEX ix_clawback_calculation_case_id ON clawback_calculation (case_id);
