CREATE SCHEMA direct_payments;
ALTER SCHEMA direct_payments OWNER TO direct_payments_owner;
CREATE FUNCTION direct_payments.destroy_personal_key(person uuid, actor text, reason text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'direct_payments', 'pg_temp'
    AS $$
BEGIN
    IF coalesce(btrim(actor), '') = '' OR coalesce(btrim(reason), '') = '' THEN
        RAISE EXCEPTION 'who destroys the key, and why?' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF NOT EXISTS (SELECT FROM personal_key WHERE person_id = person) THEN
        RAISE EXCEPTION 'there is no key of this person' USING ERRCODE = 'no_data_found';
    END IF;
    INSERT INTO audit_entry (at, service, actor, actor_role, action, outcome, subject_kind, subject_id, reason, changes)
    VALUES (clock_timestamp(), 'dp_api', actor, 'owner', 'destroy_personal_key', 'done', 'personal_key', person::text,
            reason, '{}');
    DELETE FROM personal_key WHERE person_id = person;
END
$$;
ALTER FUNCTION direct_payments.destroy_personal_key(person uuid, actor text, reason text) OWNER TO direct_payments_owner;
CREATE FUNCTION direct_payments.dispose_of_feed_content(kept_days integer, at_most integer) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'direct_payments', 'pg_temp'
    AS $$
DECLARE
    due uuid[];
BEGIN
    IF kept_days < 92 THEN
        RAISE EXCEPTION 'a delivery is kept for 92 days at least' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    SELECT array_agg(found.id) INTO due FROM (
        SELECT delivery.id FROM feed_delivery AS delivery
        JOIN feed_progress AS progress ON progress.delivery_id = delivery.id AND progress.status = 'posted'
        WHERE delivery.received_at < now() - make_interval(days => kept_days)
          AND EXISTS (SELECT FROM feed_content AS content WHERE content.delivery_id = delivery.id)
          AND NOT EXISTS (SELECT FROM quarantined_row AS waiting
              WHERE waiting.delivery_number = delivery.number AND waiting.status = 'waiting')
        ORDER BY delivery.number LIMIT at_most
    ) AS found;
    IF due IS NULL THEN
        RETURN 0;
    END IF;
    INSERT INTO audit_entry (at, service, actor, actor_role, action, outcome, subject_kind, subject_id, reason, changes)
    SELECT clock_timestamp(), 'card_ingest', 'machine:retention', 'machine', 'dispose_of_feed_content', 'done',
        'feed_delivery', id::text, 'kept for its set time', '{}' FROM unnest(due) AS id;
    DELETE FROM feed_content WHERE delivery_id = ANY (due);
    RETURN cardinality(due);
END
$$;
ALTER FUNCTION direct_payments.dispose_of_feed_content(kept_days integer, at_most integer) OWNER TO direct_payments_owner;
CREATE FUNCTION direct_payments.queue_for_seal() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'direct_payments', 'pg_temp'
    AS $$
BEGIN
    IF EXISTS (SELECT FROM added WHERE 'direct_payments_' || service <> session_user)
       AND NOT pg_has_role(session_user, 'direct_payments_owner', 'MEMBER') THEN
        RAISE EXCEPTION 'a service enters its own acts alone' USING ERRCODE = 'insufficient_privilege';
    END IF;
    INSERT INTO unsealed_entry (book, entry_id) SELECT TG_ARGV[0], id FROM added;
    RETURN NULL;
END
$$;
ALTER FUNCTION direct_payments.queue_for_seal() OWNER TO direct_payments_owner;
CREATE FUNCTION direct_payments.refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION 'append_only: % only takes new rows', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END
$$;
ALTER FUNCTION direct_payments.refuse_change() OWNER TO direct_payments_owner;
CREATE FUNCTION direct_payments.refuse_unentered_destruction() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM destroyed) OR EXISTS (
        SELECT FROM destroyed WHERE NOT EXISTS (
            SELECT FROM direct_payments.audit_entry AS entry
            WHERE entry.subject_kind = 'personal_key' AND entry.subject_id = destroyed.person_id::text
              AND entry.action = 'destroy_personal_key' AND entry.xmin = pg_current_xact_id()::xid
        )
    ) THEN
        RAISE EXCEPTION 'append_only: a personal key is destroyed by destroy_personal_key() alone'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END
$$;
ALTER FUNCTION direct_payments.refuse_unentered_destruction() OWNER TO direct_payments_owner;
CREATE FUNCTION direct_payments.refuse_unentered_disposal() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM disposed) OR EXISTS (
        SELECT FROM disposed WHERE NOT EXISTS (
            SELECT FROM direct_payments.audit_entry AS entry
            WHERE entry.subject_kind = 'feed_delivery' AND entry.subject_id = disposed.delivery_id::text
              AND entry.action = 'dispose_of_feed_content' AND entry.xmin = pg_current_xact_id()::xid
        )
    ) THEN
        RAISE EXCEPTION 'append_only: raw content goes by dispose_of_feed_content() alone'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END
$$;
ALTER FUNCTION direct_payments.refuse_unentered_disposal() OWNER TO direct_payments_owner;
CREATE TABLE direct_payments.account (
    id uuid NOT NULL,
    agreement_id uuid,
    kind character varying(40) NOT NULL,
    status character varying(40) NOT NULL,
    provider_code text NOT NULL,
    provider_account_ref text NOT NULL,
    last_four text,
    care_group character varying(40),
    opened_on date NOT NULL,
    closed_on date,
    version bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT ck_account_account_kind CHECK (((kind)::text = ANY ((ARRAY['prepaid_card'::character varying, 'bank_account'::character varying, 'money_manager_account'::character varying, 'trial'::character varying])::text[]))),
    CONSTRAINT ck_account_account_status CHECK (((status)::text = ANY ((ARRAY['open'::character varying, 'closed'::character varying])::text[]))),
    CONSTRAINT ck_account_care_group CHECK (((care_group)::text = ANY ((ARRAY['older_people'::character varying, 'learning_disabilities'::character varying, 'physical_disabilities'::character varying, 'mental_health'::character varying, 'carers'::character varying])::text[]))),
    CONSTRAINT ck_account_closed_has_day CHECK ((((status)::text = 'closed'::text) = (closed_on IS NOT NULL))),
    CONSTRAINT ck_account_closes_after_opening CHECK ((closed_on >= opened_on)),
    CONSTRAINT ck_account_last_four_digits CHECK ((last_four ~ '^[0-9]{4}$'::text)),
    CONSTRAINT ck_account_trial_has_no_agreement CHECK ((((kind)::text = 'trial'::text) = (agreement_id IS NULL))),
    CONSTRAINT ck_account_trial_has_no_care_group CHECK ((((kind)::text = 'trial'::text) = (care_group IS NULL)))
);
ALTER TABLE direct_payments.account OWNER TO direct_payments_owner;
CREATE TABLE direct_payments.account_balance (
    account_id uuid NOT NULL,
    posted_pence bigint NOT NULL,
    held_pence bigint NOT NULL,
    transactions bigint NOT NULL,
    last_booked_on date
)
WITH (fillfactor='65');
ALTER TABLE direct_payments.account_balance OWNER TO direct_payments_owner;
CREATE TABLE direct_payments.agreement (
    id uuid NOT NULL,
    recipient_id uuid NOT NULL,
    kind character varying(40) NOT NULL,
    legal_basis character varying(40) NOT NULL,
    status character varying(40) NOT NULL,
    holder_name text,
    money_manager_id uuid,
    payment_schedule character varying(40) NOT NULL,
    first_payment_on date,
    cash_permitted boolean NOT NULL,
    cash_reason text,
    started_on date,
    suspension_reason text,
    ended_on date,
    end_reason text,
    version bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT ck_agreement_active_has_start CHECK ((((status)::text = 'draft'::text) OR ((status)::text = 'ended'::text) OR (started_on IS NOT NULL))),
    CONSTRAINT ck_agreement_agreement_kind CHECK (((kind)::text = ANY ((ARRAY['service_user'::character varying, 'carer'::character varying, 'nominated_person'::character varying, 'authorised_person'::character varying])::text[]))),
    CONSTRAINT ck_agreement_agreement_status CHECK (((status)::text = ANY ((ARRAY['draft'::character varying, 'active'::character varying, 'suspended'::character varying, 'ended'::character varying])::text[]))),
    CONSTRAINT ck_agreement_cash_has_reason CHECK (((NOT cash_permitted) OR (cash_reason IS NOT NULL))),
    CONSTRAINT ck_agreement_ended_has_day_and_reason CHECK ((((status)::text = 'ended'::text) = ((ended_on IS NOT NULL) AND (end_reason IS NOT NULL)))),
    CONSTRAINT ck_agreement_ends_after_start CHECK ((ended_on >= started_on)),
    CONSTRAINT ck_agreement_legal_basis CHECK (((legal_basis)::text = ANY ((ARRAY['s31'::character varying, 's32'::character varying, 's17a'::character varying, 's117'::character varying])::text[]))),
    CONSTRAINT ck_agreement_payment_schedule CHECK (((payment_schedule)::text = ANY ((ARRAY['four_weekly'::character varying, 'monthly'::character varying, 'one_off'::character varying])::text[]))),
    CONSTRAINT ck_agreement_suspended_has_reason CHECK ((((status)::text = 'suspended'::text) = (suspension_reason IS NOT NULL))),
    CONSTRAINT ck_agreement_third_party_is_named CHECK ((((kind)::text = ANY ((ARRAY['service_user'::character varying, 'carer'::character varying])::text[])) OR (holder_name IS NOT NULL)))
);
ALTER TABLE direct_payments.agreement OWNER TO direct_payments_owner;
CREATE TABLE direct_payments.alembic_version (
    version_num character varying(32) NOT NULL
);
ALTER TABLE direct_payments.alembic_version OWNER TO direct_payments_owner;
CREATE TABLE direct_payments.alert (
    id uuid NOT NULL,
    key text NOT NULL,
    kind character varying(40) NOT NULL,
    route character varying(40) NOT NULL,
    policy_id integer CONSTRAINT alert_policy_id_not_null1 NOT NULL,
    account_id uuid,
    transaction_id bigint,
    concerns_on date NOT NULL,
    facts jsonb NOT NULL,
    raised_at timestamp with time zone NOT NULL,
    status character varying(40) NOT NULL,
    closed_at timestamp with time zone,
    closed_by text,
    close_reason text,
    version bigint NOT NULL,
    CONSTRAINT ck_alert_alert_kind CHECK (((kind)::text = ANY ((ARRAY['cash_without_permission'::character varying, 'queried_merchant'::character varying, 'repeated_declines'::character varying, 'bounced_direct_debit'::character varying, 'care_payments_stopped'::character varying, 'spend_after_end'::character varying, 'spend_after_death'::character varying, 'same_payee_across_people'::character varying, 'new_payee_over_limit'::character varying, 'negative_balance'::character varying, 'duplicate_charge'::character varying, 'disputed_transaction'::character varying, 'booked_before_opening'::character varying])::text[]))),
    CONSTRAINT ck_alert_alert_route CHECK (((route)::text = ANY ((ARRAY['care_pathway'::character varying, 'finance'::character varying])::text[]))),
    CONSTRAINT ck_alert_alert_status CHECK (((status)::text = ANY ((ARRAY['open'::character varying, 'closed'::character varying])::text[]))),
    CONSTRAINT ck_alert_closed_has_reason CHECK ((((status)::text = 'closed'::text) = ((closed_at IS NOT NULL) AND (closed_by IS NOT NULL) AND (close_reason IS NOT NULL))))
);
ALTER TABLE direct_payments.alert OWNER TO direct_payments_owner;
CREATE TABLE direct_payments.alert_due (
    batch_number bigint NOT NULL,
    first_id bigint,
    last_id bigint
);
ALTER TABLE direct_payments.alert_due OWNER TO direct_payments_owner;
CREATE TABLE direct_payments.alert_policy (
    id integer NOT NULL,
    kind character varying(40) NOT NULL,
    effective_from date NOT NULL,
    is_active boolean NOT NULL,
    route character varying(40) NOT NULL,
    terms jsonb NOT NULL,
    made_by text NOT NULL,
    reason text NOT NULL,
    CONSTRAINT ck_alert_policy_alert_kind CHECK (((kind)::text = ANY ((ARRAY['cash_without_permission'::character varying, 'queried_merchant'::character varying, 'repeated_declines'::character varying, 'bounced_direct_debit'::character varying, 'care_payments_stopped'::character varying, 'spend_after_end'::character varying, 'spend_after_death'::character varying, 'same_payee_across_people'::character varying, 'new_payee_over_limit'::character varying, 'negative_balance'::character varying, 'duplicate_charge'::character varying, 'disputed_transaction'::character varying, 'booked_before_opening'::character varying])::text[]))),
    CONSTRAINT ck_alert_policy_alert_route CHECK (((route)::text = ANY ((ARRAY['care_pathway'::character varying, 'finance'::character varying])::text[])))
);
ALTER TABLE direct_payments.alert_policy OWNER TO direct_payments_owner;
ALTER TABLE direct_payments.alert_policy ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME direct_payments.alert_policy_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE direct_payments.audit_entry (
    id bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    service character varying(40) NOT NULL,
    actor text NOT NULL,
    actor_role text NOT NULL,
    action text NOT NULL,
    outcome text NOT NULL,
    subject_kind text NOT NULL,
    subject_id text NOT NULL,
    request_id text,
    reason text,
    legal_source text,
    changes jsonb NOT NULL,
    digest bytea,
    CONSTRAINT ck_audit_entry_service CHECK (((service)::text = ANY ((ARRAY['dp_api'::character varying, 'card_ingest'::character varying, 'clawback'::character varying])::text[])))
);
ALTER TABLE direct_payments.audit_entry OWNER TO direct_payments_owner;
ALTER TABLE direct_payments.audit_entry ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME direct_payments.audit_entry_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE direct_payments.audit_seal (
    book character varying(40) NOT NULL,
    number bigint NOT NULL,
    sealed_at timestamp with time zone NOT NULL,
    entry_ids bigint[] NOT NULL,
    entry_hashes bytea NOT NULL,
    previous_hash bytea NOT NULL,
    block_hash bytea NOT NULL,
    signature bytea NOT NULL,
    CONSTRAINT ck_audit_seal_audit_book CHECK (((book)::text = ANY ((ARRAY['acts'::character varying, 'reads'::character varying])::text[])))
);
ALTER TABLE direct_payments.audit_seal OWNER TO direct_payments_owner;
CREATE TABLE direct_payments.budget (
    id uuid NOT NULL,
    agreement_id uuid NOT NULL,
    effective_from date NOT NULL,
    revision bigint NOT NULL,
    weekly_gross_pence bigint NOT NULL,
    weekly_contribution_pence bigint NOT NULL,
    weekly_net_pence bigint NOT NULL,
    weekly_council_pence bigint NOT NULL,
    weekly_nhs_pence bigint NOT NULL,
    reason text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT ck_budget_amounts_not_negative CHECK (((weekly_contribution_pence >= 0) AND (weekly_net_pence >= 0))),
    CONSTRAINT ck_budget_gross_is_contribution_and_net CHECK ((weekly_gross_pence = (weekly_contribution_pence + weekly_net_pence))),
    CONSTRAINT ck_budget_gross_is_council_and_nhs CHECK ((weekly_gross_pence = (weekly_council_pence + weekly_nhs_pence))),
    CONSTRAINT ck_budget_shares_not_negative CHECK (((weekly_council_pence >= 0) AND (weekly_nhs_pence >= 0)))
);
ALTER TABLE direct_payments.budget OWNER TO direct_payments_owner;
CREATE TABLE direct_payments.card (
    id uuid NOT NULL,
    account_id uuid NOT NULL,
    provider_code text NOT NULL,
    provider_card_ref text NOT NULL,
    last_four text NOT NULL,
    opened_on date NOT NULL,
    closed_on date,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT ck_card_closes_after_opening CHECK ((closed_on >= opened_on)),
    CONSTRAINT ck_card_last_four_digits CHECK ((last_four ~ '^[0-9]{4}$'::text))
);
ALTER TABLE direct_payments.card OWNER TO direct_payments_owner;
CREATE TABLE direct_payments.card_decline (
    provider_code text NOT NULL,
    provider_transaction_id text NOT NULL,
    account_id uuid NOT NULL,
    amount_pence bigint NOT NULL,
    reason text,
    mcc text,
    merchant_name text,
    declined_at timestamp with time zone NOT NULL,
    delivery_number bigint NOT NULL,
    row_number integer NOT NULL
);
ALTER TABLE direct_payments.card_decline OWNER TO direct_payments_owner;
CREATE TABLE direct_payments.card_hold (
    provider_code text NOT NULL,
    provider_transaction_id text NOT NULL,
    account_id uuid NOT NULL,
    amount_pence bigint NOT NULL,
    status character varying(40) NOT NULL,
    mcc text,
    merchant_name text,
    authorised_at timestamp with time zone NOT NULL,
    settled_at timestamp with time zone,
    delivery_number bigint NOT NULL,
    row_number integer NOT NULL,
    released_pence bigint DEFAULT 0 NOT NULL,
    CONSTRAINT ck_card_hold_amount_is_a_magnitude CHECK ((amount_pence > 0)),
    CONSTRAINT ck_card_hold_event_status CHECK (((status)::text = ANY ((ARRAY['authorised'::character varying, 'posted'::character varying, 'reversed'::character varying, 'expired'::character varying, 'declined'::character varying])::text[]))),
    CONSTRAINT ck_card_hold_released_within_amount CHECK (((released_pence >= 0) AND (released_pence <= amount_pence)))
);
ALTER TABLE direct_payments.card_hold OWNER TO direct_payments_owner;
CREATE TABLE direct_payments.card_release (
    provider_code text NOT NULL,
    provider_transaction_id text NOT NULL,
    status character varying(40) NOT NULL,
    released_at timestamp with time zone NOT NULL,
    amount_pence bigint NOT NULL,
    hold_id text NOT NULL,
    account_id uuid NOT NULL,
    delivery_number bigint NOT NULL,
    row_number integer NOT NULL,
    CONSTRAINT ck_card_release_amount_is_a_magnitude CHECK ((amount_pence >= 0)),
    CONSTRAINT ck_card_release_ends_or_lessens CHECK (((status)::text <> 'authorised'::text)),
    CONSTRAINT ck_card_release_event_status CHECK (((status)::text = ANY ((ARRAY['authorised'::character varying, 'posted'::character varying, 'reversed'::character varying, 'expired'::character varying, 'declined'::character varying])::text[])))
);
ALTER TABLE direct_payments.card_release OWNER TO direct_payments_owner;
CREATE TABLE direct_payments.card_transaction (
    id bigint NOT NULL,
    provider_code text NOT NULL,
    provider_transaction_id text NOT NULL,
    account_id uuid NOT NULL,
    card_id uuid,
    type text NOT NULL,
    amount_pence bigint NOT NULL,
    merchant_pence bigint,
    merchant_currency text,
    occurred_at timestamp with time zone NOT NULL,
    booked_on date NOT NULL,
    accounting_month integer NOT NULL,
    care_group text,
    category text NOT NULL,
    category_rule_id integer,
    mcc text,
    merchant_name text,
    merchant_category text,
    reference text,
    reverses_transaction_id text,
    content_digest bytea NOT NULL,
    delivery_number bigint NOT NULL,
    row_number integer NOT NULL,
    batch_number bigint NOT NULL,
    payee text,
    authorisation_id text,
    CONSTRAINT ck_card_transaction_moves_money CHECK ((amount_pence <> 0))
);
ALTER TABLE direct_payments.card_transaction OWNER TO direct_payments_owner;
ALTER TABLE direct_payments.card_transaction ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME direct_payments.card_transaction_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE direct_payments.categorisation (
    id bigint NOT NULL,
    transaction_id bigint NOT NULL,
    act_id uuid NOT NULL,
    category character varying(40) NOT NULL,
    made_by text NOT NULL,
    made_at timestamp with time zone NOT NULL,
    reason text NOT NULL,
    follows_id bigint,
    CONSTRAINT ck_categorisation_spend_category CHECK (((category)::text = ANY ((ARRAY['personal_assistant'::character varying, 'home_care'::character varying, 'respite'::character varying, 'day_care'::character varying, 'supported_living'::character varying, 'aids_and_adaptations'::character varying, 'travel'::character varying, 'domestic'::character varying, 'insurance'::character varying, 'social_activities'::character varying, 'leisure'::character varying, 'tourism'::character varying, 'retail_household'::character varying, 'hmrc_tax'::character varying, 'pension'::character varying, 'payroll_or_support_fee'::character varying, 'money_manager_fee'::character varying, 'cash'::character varying, 'card_fee'::character varying, 'council_load'::character varying, 'client_contribution'::character varying, 'council_recovery'::character varying, 'refund'::character varying, 'uncategorised'::character varying])::text[])))
);
ALTER TABLE direct_payments.categorisation OWNER TO direct_payments_owner;
ALTER TABLE direct_payments.categorisation ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME direct_payments.categorisation_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE direct_payments.category (
    code character varying(40) NOT NULL,
    heading character varying(40) NOT NULL,
    description text NOT NULL,
    CONSTRAINT ck_category_spend_category CHECK (((code)::text = ANY ((ARRAY['personal_assistant'::character varying, 'home_care'::character varying, 'respite'::character varying, 'day_care'::character varying, 'supported_living'::character varying, 'aids_and_adaptations'::character varying, 'travel'::character varying, 'domestic'::character varying, 'insurance'::character varying, 'social_activities'::character varying, 'leisure'::character varying, 'tourism'::character varying, 'retail_household'::character varying, 'hmrc_tax'::character varying, 'pension'::character varying, 'payroll_or_support_fee'::character varying, 'money_manager_fee'::character varying, 'cash'::character varying, 'card_fee'::character varying, 'council_load'::character varying, 'client_contribution'::character varying, 'council_recovery'::character varying, 'refund'::character varying, 'uncategorised'::character varying])::text[]))),
    CONSTRAINT ck_category_spend_heading CHECK (((heading)::text = ANY ((ARRAY['social_care_providers'::character varying, 'leisure'::character varying, 'tourist_sites'::character varying, 'high_street_retailers'::character varying, 'not_spend'::character varying])::text[])))
);
ALTER TABLE direct_payments.category OWNER TO direct_payments_owner;
CREATE TABLE direct_payments.category_rule (
    id integer NOT NULL,
    mcc text,
    type character varying(40),
    category character varying(40) NOT NULL,
    effective_from date NOT NULL,
    made_by text NOT NULL,
    reason text NOT NULL,
    merchant text,
    payee text,
    account_id uuid,
    CONSTRAINT ck_category_rule_account_has_payee CHECK (((account_id IS NULL) OR (payee IS NOT NULL))),
    CONSTRAINT ck_category_rule_mcc_has_four_digits CHECK ((mcc ~ '^[0-9]{4}$'::text)),
    CONSTRAINT ck_category_rule_one_key CHECK ((num_nonnulls(mcc, type, merchant, payee) = 1)),
    CONSTRAINT ck_category_rule_spend_category CHECK (((category)::text = ANY ((ARRAY['personal_assistant'::character varying, 'home_care'::character varying, 'respite'::character varying, 'day_care'::character varying, 'supported_living'::character varying, 'aids_and_adaptations'::character varying, 'travel'::character varying, 'domestic'::character varying, 'insurance'::character varying, 'social_activities'::character varying, 'leisure'::character varying, 'tourism'::character varying, 'retail_household'::character varying, 'hmrc_tax'::character varying, 'pension'::character varying, 'payroll_or_support_fee'::character varying, 'money_manager_fee'::character varying, 'cash'::character varying, 'card_fee'::character varying, 'council_load'::character varying, 'client_contribution'::character varying, 'council_recovery'::character varying, 'refund'::character varying, 'uncategorised'::character varying])::text[]))),
    CONSTRAINT ck_category_rule_transaction_type CHECK (((type)::text = ANY ((ARRAY['load'::character varying, 'contribution_in'::character varying, 'faster_payment_in'::character varying, 'purchase_pos'::character varying, 'purchase_ecom'::character varying, 'direct_debit'::character varying, 'direct_debit_bounce'::character varying, 'standing_order'::character varying, 'faster_payment_out'::character varying, 'bacs_out'::character varying, 'atm_withdrawal'::character varying, 'cashback'::character varying, 'quasi_cash'::character varying, 'fee'::character varying, 'refund'::character varying, 'reversal'::character varying, 'chargeback'::character varying, 'representment'::character varying, 'unload'::character varying, 'adjustment'::character varying, 'card_transfer'::character varying])::text[])))
);
ALTER TABLE direct_payments.category_rule OWNER TO direct_payments_owner;
ALTER TABLE direct_payments.category_rule ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME direct_payments.category_rule_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE direct_payments.clawback_calculation (
    id uuid NOT NULL,
    case_id uuid NOT NULL,
    run_id uuid NOT NULL,
    as_of date NOT NULL,
    policy_version integer NOT NULL,
    budget_id uuid NOT NULL,
    weekly_gross_pence bigint NOT NULL,
    threshold_weeks integer NOT NULL,
    threshold_pence bigint NOT NULL,
    posted_pence bigint NOT NULL,
    held_pence bigint NOT NULL,
    counted_pence bigint NOT NULL,
    excess_pence bigint NOT NULL,
    transactions bigint NOT NULL,
    low_point_pence bigint NOT NULL,
    low_point_on date NOT NULL,
    last_load_on date,
    last_load_pence bigint,
    CONSTRAINT ck_clawback_calculation_counted_is_posted_less_held CHECK ((counted_pence = (posted_pence - held_pence))),
    CONSTRAINT ck_clawback_calculation_excess_is_counted_less_threshold CHECK ((excess_pence = (counted_pence - threshold_pence))),
    CONSTRAINT ck_clawback_calculation_only_what_is_over CHECK ((excess_pence > 0)),
    CONSTRAINT ck_clawback_calculation_threshold_is_weeks_of_gross CHECK ((threshold_pence = (threshold_weeks * weekly_gross_pence)))
);
ALTER TABLE direct_payments.clawback_calculation OWNER TO direct_payments_owner;
CREATE TABLE direct_payments.clawback_calculation_line (
    calculation_id uuid NOT NULL,
    account_id uuid NOT NULL,
    account_kind character varying(40) NOT NULL,
    posted_pence bigint NOT NULL,
    held_pence bigint NOT NULL,
    transactions bigint NOT NULL,
    last_booked_on date,
    CONSTRAINT ck_clawback_calculation_line_account_kind CHECK (((account_kind)::text = ANY ((ARRAY['prepaid_card'::character varying, 'bank_account'::character varying, 'money_manager_account'::character varying, 'trial'::character varying])::text[])))
);
ALTER TABLE direct_payments.clawback_calculation_line OWNER TO direct_payments_owner;
CREATE TABLE direct_payments.clawback_case (
    id uuid NOT NULL,
    agreement_id uuid NOT NULL,
    ground character varying(40) NOT NULL,
    status character varying(40) NOT NULL,
    opened_on date NOT NULL,
    opened_by_run_id uuid NOT NULL,
    last_flagged_on date NOT NULL,
    calculation_id uuid NOT NULL,
    excess_pence bigint NOT NULL,
    weeks_of_cover_hundredths bigint,
    withdrawal_reason text,
    version bigint NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    closed_on date,
    not_over_on date,
    CONSTRAINT ck_clawback_case_case_ground CHECK (((ground)::text = 'surplus'::text)),
    CONSTRAINT ck_clawback_case_case_status CHECK (((status)::text = ANY ((ARRAY['awaiting_support_check'::character varying, 'withdrawn'::character varying])::text[]))),
    CONSTRAINT ck_clawback_case_closed_has_day CHECK ((((status)::text = 'withdrawn'::text) = (closed_on IS NOT NULL))),
    CONSTRAINT ck_clawback_case_withdrawn_has_reason CHECK ((((status)::text = 'withdrawn'::text) = (withdrawal_reason IS NOT NULL)))
);
ALTER TABLE direct_payments.clawback_case OWNER TO direct_payments_owner;
CREATE TABLE direct_payments.clawback_policy (
    version integer NOT NULL,
    effective_from date NOT NULL,
    threshold_weeks integer NOT NULL,
    source text NOT NULL,
    made_by text NOT NULL,
    reason text NOT NULL,
    CONSTRAINT ck_clawback_policy_threshold_is_positive CHECK ((threshold_weeks > 0))
);
ALTER TABLE direct_payments.clawback_policy OWNER TO direct_payments_owner;
ALTER TABLE direct_payments.clawback_policy ALTER COLUMN version ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME direct_payments.clawback_policy_version_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE direct_payments.clawback_run (
    id uuid NOT NULL,
    as_of date NOT NULL,
    trigger character varying(40) NOT NULL,
    policy_version integer NOT NULL,
    started_at timestamp with time zone NOT NULL,
    finished_at timestamp with time zone NOT NULL,
    accounts bigint NOT NULL,
    agreements bigint NOT NULL,
    flagged bigint NOT NULL,
    new_cases bigint NOT NULL,
    excess_pence bigint NOT NULL,
    digest bytea NOT NULL,
    stale_accounts bigint DEFAULT 0 NOT NULL,
    CONSTRAINT ck_clawback_run_run_trigger CHECK (((trigger)::text = ANY ((ARRAY['scheduled'::character varying, 'manual'::character varying])::text[])))
);
ALTER TABLE direct_payments.clawback_run OWNER TO direct_payments_owner;
CREATE TABLE direct_payments.feed_batch (
    number bigint NOT NULL,
    delivery_id uuid NOT NULL,
    first_row bigint NOT NULL,
    rows bigint NOT NULL,
    digest bytea NOT NULL,
    posted_at timestamp with time zone NOT NULL
);
ALTER TABLE direct_payments.feed_batch OWNER TO direct_payments_owner;
ALTER TABLE direct_payments.feed_batch ALTER COLUMN number ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME direct_payments.feed_batch_number_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE direct_payments.feed_complete_day (
    provider_code text NOT NULL,
    profile text NOT NULL,
    account_ref text NOT NULL,
    booked_on date NOT NULL,
    delivery_number bigint NOT NULL,
    rows bigint NOT NULL,
    digest bytea NOT NULL,
    revision bigint DEFAULT '1'::bigint NOT NULL
);
ALTER TABLE direct_payments.feed_complete_day OWNER TO direct_payments_owner;
CREATE TABLE direct_payments.feed_content (
    delivery_id uuid NOT NULL,
    chunk integer NOT NULL,
    content bytea NOT NULL,
    is_redacted boolean NOT NULL
);
ALTER TABLE direct_payments.feed_content OWNER TO direct_payments_owner;
CREATE TABLE direct_payments.feed_delivery (
    id uuid NOT NULL,
    number bigint NOT NULL,
    provider_code text NOT NULL,
    door character varying(40) NOT NULL,
    profile text NOT NULL,
    profile_version bigint NOT NULL,
    account_ref text,
    external_id text,
    sha256 bytea NOT NULL,
    size_bytes bigint NOT NULL,
    received_at timestamp with time zone NOT NULL,
    sequence bigint,
    CONSTRAINT ck_feed_delivery_delivery_door CHECK (((door)::text = ANY ((ARRAY['signed_push'::character varying, 'staff_upload'::character varying, 'command_line'::character varying, 'watched_folder'::character varying, 'polling'::character varying])::text[])))
);
ALTER TABLE direct_payments.feed_delivery OWNER TO direct_payments_owner;
ALTER TABLE direct_payments.feed_delivery ALTER COLUMN number ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME direct_payments.feed_delivery_number_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE direct_payments.feed_increment_row (
    provider_code text NOT NULL,
    profile text NOT NULL,
    digest bytea NOT NULL,
    delivery_number bigint NOT NULL
);
ALTER TABLE direct_payments.feed_increment_row OWNER TO direct_payments_owner;
CREATE TABLE direct_payments.feed_key (
    id uuid NOT NULL,
    provider_code text NOT NULL,
    secret_encrypted bytea NOT NULL,
    created_at timestamp with time zone NOT NULL,
    retired_at timestamp with time zone,
    kind character varying(40) DEFAULT 'standard_webhooks'::character varying NOT NULL,
    fingerprint bytea,
    CONSTRAINT ck_feed_key_certificate_has_fingerprint CHECK ((((kind)::text = 'client_certificate'::text) = (fingerprint IS NOT NULL))),
    CONSTRAINT ck_feed_key_feed_key_kind CHECK (((kind)::text = ANY ((ARRAY['standard_webhooks'::character varying, 'ed25519'::character varying, 'stripe'::character varying, 'rsa'::character varying, 'client_certificate'::character varying])::text[]))),
    CONSTRAINT ck_feed_key_retires_after_creation CHECK ((retired_at > created_at))
);
ALTER TABLE direct_payments.feed_key OWNER TO direct_payments_owner;
CREATE TABLE direct_payments.feed_layout (
    number bigint NOT NULL,
    provider_code text NOT NULL,
    profile text NOT NULL,
    version bigint NOT NULL,
    form text NOT NULL,
    digest bytea NOT NULL,
    first_used_at timestamp with time zone NOT NULL
);
ALTER TABLE direct_payments.feed_layout OWNER TO direct_payments_owner;
ALTER TABLE direct_payments.feed_layout ALTER COLUMN number ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME direct_payments.feed_layout_number_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE direct_payments.feed_poll (
    provider_code text NOT NULL,
    url text NOT NULL,
    profile text NOT NULL,
    token_encrypted bytea,
    every_seconds bigint NOT NULL,
    is_active boolean NOT NULL,
    cursor text,
    next_at timestamp with time zone NOT NULL,
    last_at timestamp with time zone,
    last_outcome text,
    failures bigint NOT NULL,
    leased_until timestamp with time zone,
    cursor_at timestamp with time zone,
    CONSTRAINT ck_feed_poll_polled_sometime CHECK ((every_seconds > 0))
);
ALTER TABLE direct_payments.feed_poll OWNER TO direct_payments_owner;
CREATE TABLE direct_payments.feed_progress (
    delivery_id uuid NOT NULL,
    status character varying(40) NOT NULL,
    rows bigint NOT NULL,
    rows_done bigint NOT NULL,
    delivered_pence bigint NOT NULL,
    unread_amounts bigint NOT NULL,
    posted_rows bigint NOT NULL,
    posted_pence bigint NOT NULL,
    already_posted_rows bigint NOT NULL,
    already_posted_pence bigint NOT NULL,
    held_rows bigint NOT NULL,
    held_pence bigint NOT NULL,
    no_money_rows bigint NOT NULL,
    no_money_pence bigint NOT NULL,
    quarantined_rows bigint NOT NULL,
    quarantined_pence bigint NOT NULL,
    finished_at timestamp with time zone,
    CONSTRAINT ck_feed_progress_delivery_status CHECK (((status)::text = ANY ((ARRAY['stored'::character varying, 'posting'::character varying, 'posted'::character varying])::text[])))
);
ALTER TABLE direct_payments.feed_progress OWNER TO direct_payments_owner;
CREATE TABLE direct_payments.feed_provider (
    code text NOT NULL,
    name text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    signature_scheme character varying(40) DEFAULT 'standard_webhooks'::character varying NOT NULL,
    push_profile text,
    expected_every_hours bigint,
    first_day_on date,
    CONSTRAINT ck_feed_provider_code_is_a_slug CHECK ((code ~ '^[a-z][a-z0-9_-]{1,39}$'::text)),
    CONSTRAINT ck_feed_provider_expected_sometime CHECK ((expected_every_hours > 0)),
    CONSTRAINT ck_feed_provider_signature_scheme CHECK (((signature_scheme)::text = ANY ((ARRAY['standard_webhooks'::character varying, 'stripe'::character varying, 'rsa_nonce'::character varying])::text[])))
);
ALTER TABLE direct_payments.feed_provider OWNER TO direct_payments_owner;
CREATE TABLE direct_payments.feed_row (
    delivery_number bigint NOT NULL,
    row_number bigint NOT NULL,
    outcome character varying(40) NOT NULL,
    code text,
    detail text,
    delivered_pence bigint,
    CONSTRAINT ck_feed_row_row_outcome CHECK (((outcome)::text = ANY ((ARRAY['posted'::character varying, 'already_posted'::character varying, 'held'::character varying, 'no_money'::character varying, 'quarantined'::character varying])::text[])))
);
ALTER TABLE direct_payments.feed_row OWNER TO direct_payments_owner;
CREATE TABLE direct_payments.feed_statement (
    id uuid NOT NULL,
    delivery_number bigint NOT NULL,
    provider_code text NOT NULL,
    account_ref text NOT NULL,
    statement_ref text,
    sequence bigint,
    currency text NOT NULL,
    opening_on date,
    opening_pence bigint,
    closing_on date,
    closing_pence bigint,
    entries bigint NOT NULL,
    entries_pence bigint NOT NULL,
    is_proved boolean
);
ALTER TABLE direct_payments.feed_statement OWNER TO direct_payments_owner;
CREATE TABLE direct_payments.gross_today (
    agreement_id uuid NOT NULL,
    budget_id uuid NOT NULL,
    weekly_gross_pence bigint NOT NULL,
    valid_on date NOT NULL
);
ALTER TABLE direct_payments.gross_today OWNER TO direct_payments_owner;
CREATE TABLE direct_payments.idempotency_record (
    caller text NOT NULL,
    operation text NOT NULL,
    key text NOT NULL,
    request_hash bytea NOT NULL,
    status integer NOT NULL,
    headers jsonb NOT NULL,
    body_encrypted bytea NOT NULL,
    created_at timestamp with time zone NOT NULL
);
ALTER TABLE direct_payments.idempotency_record OWNER TO direct_payments_owner;
CREATE TABLE direct_payments.job_run (
    job text NOT NULL,
    period text NOT NULL,
    finished_at timestamp with time zone NOT NULL,
    outcome jsonb NOT NULL
);
ALTER TABLE direct_payments.job_run OWNER TO direct_payments_owner;
CREATE TABLE direct_payments.key_check (
    setting text NOT NULL,
    key_id text NOT NULL,
    made bytea NOT NULL,
    first_used_at timestamp with time zone NOT NULL
);
ALTER TABLE direct_payments.key_check OWNER TO direct_payments_owner;
CREATE TABLE direct_payments.money_manager (
    id uuid NOT NULL,
    name text NOT NULL,
    weekly_fee_pence bigint NOT NULL,
    version bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL
);
ALTER TABLE direct_payments.money_manager OWNER TO direct_payments_owner;
CREATE TABLE direct_payments.payment_match (
    delivery_number bigint NOT NULL,
    row_number integer NOT NULL,
    revision integer NOT NULL,
    stands_delivery_number bigint NOT NULL,
    stands_row_number integer NOT NULL,
    provider_code text NOT NULL,
    ground text NOT NULL,
    matched_at timestamp with time zone NOT NULL,
    matched_by text NOT NULL,
    CONSTRAINT ck_payment_match_ground_is_known CHECK ((ground = ANY (ARRAY['reference'::text, 'payee'::text, 'parts'::text, 'earlier_layout'::text, 'decision'::text])))
);
ALTER TABLE direct_payments.payment_match OWNER TO direct_payments_owner;
CREATE TABLE direct_payments.payment_telling (
    delivery_number bigint NOT NULL,
    row_number integer NOT NULL,
    source text NOT NULL,
    account_id uuid NOT NULL,
    effect_pence bigint NOT NULL,
    booked_on date NOT NULL,
    entry_number integer NOT NULL,
    entry_pence bigint NOT NULL,
    reference_texts text[] NOT NULL,
    payee text
);
ALTER TABLE direct_payments.payment_telling OWNER TO direct_payments_owner;
CREATE TABLE direct_payments.personal_assistant (
    id uuid NOT NULL,
    full_name text NOT NULL,
    team_code text NOT NULL,
    version bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL
);
ALTER TABLE direct_payments.personal_assistant OWNER TO direct_payments_owner;
CREATE TABLE direct_payments.personal_assistant_engagement (
    id uuid NOT NULL,
    recipient_id uuid NOT NULL,
    personal_assistant_id uuid NOT NULL,
    started_on date NOT NULL,
    ended_on date,
    hours_per_week numeric(5,2) NOT NULL,
    relationship_to_recipient character varying(40) CONSTRAINT personal_assistant_engagemen_relationship_to_recipient_not_null NOT NULL,
    same_household boolean NOT NULL,
    exception_reason text,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT ck_personal_assistant_engagement_ends_after_start CHECK (((ended_on IS NULL) OR (ended_on >= started_on))),
    CONSTRAINT ck_personal_assistant_engagement_engagement_relationship CHECK (((relationship_to_recipient)::text = ANY ((ARRAY['none'::character varying, 'spouse_or_partner'::character varying, 'close_relative'::character varying, 'other_relative'::character varying, 'friend_or_neighbour'::character varying])::text[]))),
    CONSTRAINT ck_personal_assistant_engagement_hours_in_a_week CHECK (((hours_per_week > (0)::numeric) AND (hours_per_week <= (168)::numeric)))
);
ALTER TABLE direct_payments.personal_assistant_engagement OWNER TO direct_payments_owner;
CREATE TABLE direct_payments.personal_key (
    person_id uuid NOT NULL,
    key_encrypted bytea NOT NULL
);
ALTER TABLE direct_payments.personal_key OWNER TO direct_payments_owner;
CREATE TABLE direct_payments.quarantine_resolution (
    id uuid NOT NULL,
    quarantined_row_id uuid NOT NULL,
    resolution character varying(40) NOT NULL,
    reason text NOT NULL,
    proposed_by text NOT NULL,
    proposed_at timestamp with time zone NOT NULL,
    status character varying(40) NOT NULL,
    decided_by text,
    decided_at timestamp with time zone,
    decision_reason text,
    withdraws text[],
    CONSTRAINT ck_quarantine_resolution_answered_has_answerer CHECK ((((status)::text = 'proposed'::text) = (decided_by IS NULL))),
    CONSTRAINT ck_quarantine_resolution_answered_has_moment CHECK (((decided_by IS NULL) = (decided_at IS NULL))),
    CONSTRAINT ck_quarantine_resolution_decided_by_person CHECK ((decided_by ~ '^[A-Z0-9][A-Z0-9-]{0,39}$'::text)),
    CONSTRAINT ck_quarantine_resolution_proposal_status CHECK (((status)::text = ANY ((ARRAY['proposed'::character varying, 'confirmed'::character varying, 'rejected'::character varying])::text[]))),
    CONSTRAINT ck_quarantine_resolution_proposed_by_person CHECK ((proposed_by ~ '^[A-Z0-9][A-Z0-9-]{0,39}$'::text)),
    CONSTRAINT ck_quarantine_resolution_resolution CHECK (((resolution)::text = ANY ((ARRAY['post'::character varying, 'already_posted'::character varying, 'no_money'::character varying, 'replace'::character varying])::text[]))),
    CONSTRAINT ck_quarantine_resolution_two_people CHECK (((decided_by <> proposed_by) OR ((status)::text = 'rejected'::text)))
);
ALTER TABLE direct_payments.quarantine_resolution OWNER TO direct_payments_owner;
CREATE TABLE direct_payments.quarantined_row (
    id uuid NOT NULL,
    delivery_number bigint NOT NULL,
    row_number bigint NOT NULL,
    provider_code text NOT NULL,
    code text NOT NULL,
    detail text NOT NULL,
    waits_for text,
    delivered_pence bigint,
    content_encrypted bytea,
    status character varying(40) NOT NULL,
    created_at timestamp with time zone NOT NULL,
    released_at timestamp with time zone,
    released_as character varying(40),
    transaction_id text,
    CONSTRAINT ck_quarantined_row_quarantine_status CHECK (((status)::text = ANY ((ARRAY['waiting'::character varying, 'released'::character varying])::text[]))),
    CONSTRAINT ck_quarantined_row_row_outcome CHECK (((released_as)::text = ANY ((ARRAY['posted'::character varying, 'already_posted'::character varying, 'held'::character varying, 'no_money'::character varying, 'quarantined'::character varying])::text[])))
);
ALTER TABLE direct_payments.quarantined_row OWNER TO direct_payments_owner;
CREATE TABLE direct_payments.read_log (
    id bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    service character varying(40) NOT NULL,
    actor text NOT NULL,
    actor_role text NOT NULL,
    action text NOT NULL,
    request_id text,
    subject_kind text NOT NULL,
    subject_ids uuid[] NOT NULL,
    CONSTRAINT ck_read_log_service CHECK (((service)::text = ANY ((ARRAY['dp_api'::character varying, 'card_ingest'::character varying, 'clawback'::character varying])::text[])))
);
ALTER TABLE direct_payments.read_log OWNER TO direct_payments_owner;
ALTER TABLE direct_payments.read_log ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME direct_payments.read_log_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE direct_payments.recipient (
    id uuid NOT NULL,
    kind character varying(40) NOT NULL,
    full_name text NOT NULL,
    known_as text,
    date_of_birth date NOT NULL,
    died_on date,
    nhs_number_encrypted bytea,
    nhs_number_index bytea,
    primary_support_reason character varying(40) NOT NULL,
    ethnicity character varying(40) NOT NULL,
    team_code text NOT NULL,
    address_lines text NOT NULL,
    postcode text NOT NULL,
    home_care_zone character varying(40) NOT NULL,
    administered_by character varying(40) NOT NULL,
    communication_needs text,
    merged_into_id uuid,
    version bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT ck_recipient_administered_by CHECK (((administered_by)::text = ANY ((ARRAY['alone'::character varying, 'family'::character varying, 'representative'::character varying, 'someone_else'::character varying])::text[]))),
    CONSTRAINT ck_recipient_died_after_birth CHECK (((died_on IS NULL) OR (died_on >= date_of_birth))),
    CONSTRAINT ck_recipient_ethnicity CHECK (((ethnicity)::text = ANY ((ARRAY['asian'::character varying, 'black'::character varying, 'mixed'::character varying, 'other'::character varying, 'white'::character varying, 'not_recorded'::character varying])::text[]))),
    CONSTRAINT ck_recipient_home_care_zone CHECK (((home_care_zone)::text = ANY ((ARRAY['coalville_and_ashby'::character varying, 'charnwood_north'::character varying, 'charnwood_south'::character varying, 'west_leicester'::character varying, 'oadby_and_wigston'::character varying, 'hinckley'::character varying, 'melton'::character varying, 'south_leicestershire'::character varying, 'market_harborough'::character varying, 'castle_donington'::character varying, 'lutterworth'::character varying, 'bottesford'::character varying, 'west_leicestershire_rural'::character varying, 'harborough_rural'::character varying])::text[]))),
    CONSTRAINT ck_recipient_nhs_number_whole CHECK (((nhs_number_encrypted IS NULL) = (nhs_number_index IS NULL))),
    CONSTRAINT ck_recipient_not_merged_into_itself CHECK ((merged_into_id <> id)),
    CONSTRAINT ck_recipient_primary_support_reason CHECK (((primary_support_reason)::text = ANY ((ARRAY['physical_access_and_mobility'::character varying, 'physical_personal_care'::character varying, 'sensory_visual'::character varying, 'sensory_hearing'::character varying, 'sensory_dual'::character varying, 'memory_and_cognition'::character varying, 'learning_disability'::character varying, 'mental_health'::character varying, 'social_substance_misuse'::character varying, 'social_asylum_seeker'::character varying, 'social_isolation_or_other'::character varying, 'support_to_carer'::character varying])::text[]))),
    CONSTRAINT ck_recipient_recipient_kind CHECK (((kind)::text = ANY ((ARRAY['adult'::character varying, 'carer'::character varying])::text[])))
);
ALTER TABLE direct_payments.recipient OWNER TO direct_payments_owner;
CREATE TABLE direct_payments.reconciliation_due (
    batch_number bigint NOT NULL,
    first_id bigint NOT NULL,
    last_id bigint NOT NULL
);
ALTER TABLE direct_payments.reconciliation_due OWNER TO direct_payments_owner;
CREATE TABLE direct_payments.reconciliation_finding (
    id uuid NOT NULL,
    key text NOT NULL,
    kind character varying(40) NOT NULL,
    provider_code text NOT NULL,
    account_id uuid,
    concerns_on date,
    stated_pence bigint,
    held_pence bigint,
    detail text NOT NULL,
    delivery_number bigint,
    found_at timestamp with time zone NOT NULL,
    status character varying(40) NOT NULL,
    closed_at timestamp with time zone,
    closed_by text,
    close_reason text,
    account_ref text,
    CONSTRAINT ck_reconciliation_finding_closed_has_reason CHECK ((((status)::text = 'closed'::text) = ((closed_at IS NOT NULL) AND (closed_by IS NOT NULL) AND (close_reason IS NOT NULL)))),
    CONSTRAINT ck_reconciliation_finding_finding_kind CHECK (((kind)::text = ANY ((ARRAY['balance_differs'::character varying, 'statement_does_not_add_up'::character varying, 'sequence_gap'::character varying, 'feed_is_late'::character varying, 'complete_day_changed'::character varying])::text[]))),
    CONSTRAINT ck_reconciliation_finding_finding_status CHECK (((status)::text = ANY ((ARRAY['open'::character varying, 'closed'::character varying])::text[])))
);
ALTER TABLE direct_payments.reconciliation_finding OWNER TO direct_payments_owner;
CREATE TABLE direct_payments.scheduler_heartbeat (
    service character varying(40) NOT NULL,
    at timestamp with time zone NOT NULL,
    CONSTRAINT ck_scheduler_heartbeat_service CHECK (((service)::text = ANY ((ARRAY['dp_api'::character varying, 'card_ingest'::character varying, 'clawback'::character varying])::text[])))
);
ALTER TABLE direct_payments.scheduler_heartbeat OWNER TO direct_payments_owner;
CREATE TABLE direct_payments.spend_delta (
    batch_number bigint NOT NULL,
    accounting_month integer NOT NULL,
    category text NOT NULL,
    care_group text NOT NULL,
    provider_code text NOT NULL,
    amount_pence bigint NOT NULL,
    transactions bigint NOT NULL,
    CONSTRAINT ck_spend_delta_care_group_named CHECK ((care_group <> ''::text))
);
ALTER TABLE direct_payments.spend_delta OWNER TO direct_payments_owner;
CREATE TABLE direct_payments.spend_summary (
    accounting_month integer NOT NULL,
    category text NOT NULL,
    care_group text NOT NULL,
    provider_code text NOT NULL,
    amount_pence bigint NOT NULL,
    transactions bigint NOT NULL
);
ALTER TABLE direct_payments.spend_summary OWNER TO direct_payments_owner;
CREATE TABLE direct_payments.staff_login (
    issuer text NOT NULL,
    subject text NOT NULL,
    staff_number text NOT NULL
);
ALTER TABLE direct_payments.staff_login OWNER TO direct_payments_owner;
CREATE TABLE direct_payments.staff_member (
    staff_number text NOT NULL,
    display_name text NOT NULL,
    is_active boolean NOT NULL,
    version bigint NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT ck_staff_member_staff_number_is_folded CHECK ((staff_number ~ '^[A-Z0-9][A-Z0-9-]{0,39}$'::text))
);
ALTER TABLE direct_payments.staff_member OWNER TO direct_payments_owner;
CREATE TABLE direct_payments.staff_team (
    staff_number text NOT NULL,
    team_code text NOT NULL
);
ALTER TABLE direct_payments.staff_team OWNER TO direct_payments_owner;
CREATE TABLE direct_payments.statement_due (
    delivery_number bigint NOT NULL
);
ALTER TABLE direct_payments.statement_due OWNER TO direct_payments_owner;
CREATE TABLE direct_payments.statement_waiting (
    provider_code text NOT NULL,
    account_ref text NOT NULL,
    has_account boolean NOT NULL,
    next_closing_on date,
    CONSTRAINT ck_statement_waiting_waits_for_something CHECK (((NOT has_account) OR (next_closing_on IS NOT NULL)))
);
ALTER TABLE direct_payments.statement_waiting OWNER TO direct_payments_owner;
CREATE TABLE direct_payments.team (
    code text NOT NULL,
    name text NOT NULL
);
ALTER TABLE direct_payments.team OWNER TO direct_payments_owner;
CREATE TABLE direct_payments.unsealed_entry (
    book character varying(40) NOT NULL,
    entry_id bigint NOT NULL,
    CONSTRAINT ck_unsealed_entry_audit_book CHECK (((book)::text = ANY ((ARRAY['acts'::character varying, 'reads'::character varying])::text[])))
);
ALTER TABLE direct_payments.unsealed_entry OWNER TO direct_payments_owner;
ALTER TABLE ONLY direct_payments.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY direct_payments.account
    ADD CONSTRAINT pk_account PRIMARY KEY (id);
ALTER TABLE ONLY direct_payments.account_balance
    ADD CONSTRAINT pk_account_balance PRIMARY KEY (account_id);
ALTER TABLE ONLY direct_payments.agreement
    ADD CONSTRAINT pk_agreement PRIMARY KEY (id);
ALTER TABLE ONLY direct_payments.alert
    ADD CONSTRAINT pk_alert PRIMARY KEY (id);
ALTER TABLE ONLY direct_payments.alert_due
    ADD CONSTRAINT pk_alert_due PRIMARY KEY (batch_number);
ALTER TABLE ONLY direct_payments.alert_policy
    ADD CONSTRAINT pk_alert_policy PRIMARY KEY (id);
ALTER TABLE ONLY direct_payments.audit_entry
    ADD CONSTRAINT pk_audit_entry PRIMARY KEY (id);
ALTER TABLE ONLY direct_payments.audit_seal
    ADD CONSTRAINT pk_audit_seal PRIMARY KEY (book, number);
ALTER TABLE ONLY direct_payments.budget
    ADD CONSTRAINT pk_budget PRIMARY KEY (id);
ALTER TABLE ONLY direct_payments.card
    ADD CONSTRAINT pk_card PRIMARY KEY (id);
ALTER TABLE ONLY direct_payments.card_decline
    ADD CONSTRAINT pk_card_decline PRIMARY KEY (provider_code, provider_transaction_id);
ALTER TABLE ONLY direct_payments.card_hold
    ADD CONSTRAINT pk_card_hold PRIMARY KEY (provider_code, provider_transaction_id);
ALTER TABLE ONLY direct_payments.card_release
    ADD CONSTRAINT pk_card_release PRIMARY KEY (provider_code, provider_transaction_id, status, released_at, amount_pence);
ALTER TABLE ONLY direct_payments.card_transaction
    ADD CONSTRAINT pk_card_transaction PRIMARY KEY (id);
ALTER TABLE ONLY direct_payments.categorisation
    ADD CONSTRAINT pk_categorisation PRIMARY KEY (id);
ALTER TABLE ONLY direct_payments.category
    ADD CONSTRAINT pk_category PRIMARY KEY (code);
ALTER TABLE ONLY direct_payments.category_rule
    ADD CONSTRAINT pk_category_rule PRIMARY KEY (id);
ALTER TABLE ONLY direct_payments.clawback_calculation
    ADD CONSTRAINT pk_clawback_calculation PRIMARY KEY (id);
ALTER TABLE ONLY direct_payments.clawback_calculation_line
    ADD CONSTRAINT pk_clawback_calculation_line PRIMARY KEY (calculation_id, account_id);
ALTER TABLE ONLY direct_payments.clawback_case
    ADD CONSTRAINT pk_clawback_case PRIMARY KEY (id);
ALTER TABLE ONLY direct_payments.clawback_policy
    ADD CONSTRAINT pk_clawback_policy PRIMARY KEY (version);
ALTER TABLE ONLY direct_payments.clawback_run
    ADD CONSTRAINT pk_clawback_run PRIMARY KEY (id);
ALTER TABLE ONLY direct_payments.feed_batch
    ADD CONSTRAINT pk_feed_batch PRIMARY KEY (number);
ALTER TABLE ONLY direct_payments.feed_complete_day
    ADD CONSTRAINT pk_feed_complete_day PRIMARY KEY (provider_code, profile, account_ref, booked_on, revision);
ALTER TABLE ONLY direct_payments.feed_content
    ADD CONSTRAINT pk_feed_content PRIMARY KEY (delivery_id, chunk);
ALTER TABLE ONLY direct_payments.feed_delivery
    ADD CONSTRAINT pk_feed_delivery PRIMARY KEY (id);
ALTER TABLE ONLY direct_payments.feed_increment_row
    ADD CONSTRAINT pk_feed_increment_row PRIMARY KEY (provider_code, profile, digest);
ALTER TABLE ONLY direct_payments.feed_key
    ADD CONSTRAINT pk_feed_key PRIMARY KEY (id);
ALTER TABLE ONLY direct_payments.feed_layout
    ADD CONSTRAINT pk_feed_layout PRIMARY KEY (number);
ALTER TABLE ONLY direct_payments.feed_poll
    ADD CONSTRAINT pk_feed_poll PRIMARY KEY (provider_code);
ALTER TABLE ONLY direct_payments.feed_progress
    ADD CONSTRAINT pk_feed_progress PRIMARY KEY (delivery_id);
ALTER TABLE ONLY direct_payments.feed_provider
    ADD CONSTRAINT pk_feed_provider PRIMARY KEY (code);
ALTER TABLE ONLY direct_payments.feed_row
    ADD CONSTRAINT pk_feed_row PRIMARY KEY (delivery_number, row_number);
ALTER TABLE ONLY direct_payments.feed_statement
    ADD CONSTRAINT pk_feed_statement PRIMARY KEY (id);
ALTER TABLE ONLY direct_payments.gross_today
    ADD CONSTRAINT pk_gross_today PRIMARY KEY (agreement_id);
ALTER TABLE ONLY direct_payments.idempotency_record
    ADD CONSTRAINT pk_idempotency_record PRIMARY KEY (caller, operation, key);
ALTER TABLE ONLY direct_payments.job_run
    ADD CONSTRAINT pk_job_run PRIMARY KEY (job, period);
ALTER TABLE ONLY direct_payments.key_check
    ADD CONSTRAINT pk_key_check PRIMARY KEY (setting, key_id);
ALTER TABLE ONLY direct_payments.money_manager
    ADD CONSTRAINT pk_money_manager PRIMARY KEY (id);
ALTER TABLE ONLY direct_payments.payment_match
    ADD CONSTRAINT pk_payment_match PRIMARY KEY (delivery_number, row_number, revision, stands_delivery_number, stands_row_number);
ALTER TABLE ONLY direct_payments.payment_telling
    ADD CONSTRAINT pk_payment_telling PRIMARY KEY (delivery_number, row_number);
ALTER TABLE ONLY direct_payments.personal_assistant
    ADD CONSTRAINT pk_personal_assistant PRIMARY KEY (id);
ALTER TABLE ONLY direct_payments.personal_assistant_engagement
    ADD CONSTRAINT pk_personal_assistant_engagement PRIMARY KEY (id);
ALTER TABLE ONLY direct_payments.personal_key
    ADD CONSTRAINT pk_personal_key PRIMARY KEY (person_id);
ALTER TABLE ONLY direct_payments.quarantine_resolution
    ADD CONSTRAINT pk_quarantine_resolution PRIMARY KEY (id);
ALTER TABLE ONLY direct_payments.quarantined_row
    ADD CONSTRAINT pk_quarantined_row PRIMARY KEY (id);
ALTER TABLE ONLY direct_payments.read_log
    ADD CONSTRAINT pk_read_log PRIMARY KEY (id);
ALTER TABLE ONLY direct_payments.recipient
    ADD CONSTRAINT pk_recipient PRIMARY KEY (id);
ALTER TABLE ONLY direct_payments.reconciliation_due
    ADD CONSTRAINT pk_reconciliation_due PRIMARY KEY (batch_number);
ALTER TABLE ONLY direct_payments.reconciliation_finding
    ADD CONSTRAINT pk_reconciliation_finding PRIMARY KEY (id);
ALTER TABLE ONLY direct_payments.scheduler_heartbeat
    ADD CONSTRAINT pk_scheduler_heartbeat PRIMARY KEY (service);
ALTER TABLE ONLY direct_payments.spend_delta
    ADD CONSTRAINT pk_spend_delta PRIMARY KEY (batch_number, accounting_month, category, care_group, provider_code);
ALTER TABLE ONLY direct_payments.spend_summary
    ADD CONSTRAINT pk_spend_summary PRIMARY KEY (accounting_month, category, care_group, provider_code);
ALTER TABLE ONLY direct_payments.staff_login
    ADD CONSTRAINT pk_staff_login PRIMARY KEY (issuer, subject);
ALTER TABLE ONLY direct_payments.staff_member
    ADD CONSTRAINT pk_staff_member PRIMARY KEY (staff_number);
ALTER TABLE ONLY direct_payments.staff_team
    ADD CONSTRAINT pk_staff_team PRIMARY KEY (staff_number, team_code);
ALTER TABLE ONLY direct_payments.statement_due
    ADD CONSTRAINT pk_statement_due PRIMARY KEY (delivery_number);
ALTER TABLE ONLY direct_payments.statement_waiting
    ADD CONSTRAINT pk_statement_waiting PRIMARY KEY (provider_code, account_ref);
ALTER TABLE ONLY direct_payments.team
    ADD CONSTRAINT pk_team PRIMARY KEY (code);
ALTER TABLE ONLY direct_payments.unsealed_entry
    ADD CONSTRAINT pk_unsealed_entry PRIMARY KEY (book, entry_id);
ALTER TABLE ONLY direct_payments.account
    ADD CONSTRAINT uq_account_provider_code_provider_account_ref UNIQUE (provider_code, provider_account_ref);
ALTER TABLE ONLY direct_payments.alert
    ADD CONSTRAINT uq_alert_key UNIQUE (key);
ALTER TABLE ONLY direct_payments.alert_policy
    ADD CONSTRAINT uq_alert_policy_kind_effective_from UNIQUE (kind, effective_from);
ALTER TABLE ONLY direct_payments.budget
    ADD CONSTRAINT uq_budget_agreement_id_effective_from_revision UNIQUE (agreement_id, effective_from, revision);
ALTER TABLE ONLY direct_payments.card
    ADD CONSTRAINT uq_card_provider_code_provider_card_ref UNIQUE (provider_code, provider_card_ref);
ALTER TABLE ONLY direct_payments.card_transaction
    ADD CONSTRAINT uq_card_transaction_provider_code_provider_transaction_id UNIQUE (provider_code, provider_transaction_id);
ALTER TABLE ONLY direct_payments.category_rule
    ADD CONSTRAINT uq_category_rule_key UNIQUE NULLS NOT DISTINCT (mcc, type, merchant, payee, account_id, effective_from);
ALTER TABLE ONLY direct_payments.clawback_policy
    ADD CONSTRAINT uq_clawback_policy_effective_from UNIQUE (effective_from);
ALTER TABLE ONLY direct_payments.feed_delivery
    ADD CONSTRAINT uq_feed_delivery_content UNIQUE NULLS NOT DISTINCT (provider_code, sha256, account_ref, profile, profile_version);
ALTER TABLE ONLY direct_payments.feed_delivery
    ADD CONSTRAINT uq_feed_delivery_number UNIQUE (number);
ALTER TABLE ONLY direct_payments.feed_layout
    ADD CONSTRAINT uq_feed_layout_provider_code_profile_digest UNIQUE (provider_code, profile, digest);
ALTER TABLE ONLY direct_payments.money_manager
    ADD CONSTRAINT uq_money_manager_name UNIQUE (name);
ALTER TABLE ONLY direct_payments.quarantined_row
    ADD CONSTRAINT uq_quarantined_row_delivery_number_row_number UNIQUE (delivery_number, row_number);
ALTER TABLE ONLY direct_payments.recipient
    ADD CONSTRAINT uq_recipient_nhs_number_index UNIQUE (nhs_number_index);
CREATE INDEX ix_account_agreement_id ON direct_payments.account USING btree (agreement_id);
CREATE INDEX ix_agreement_money_manager_id ON direct_payments.agreement USING btree (money_manager_id);
CREATE INDEX ix_agreement_recipient_id ON direct_payments.agreement USING btree (recipient_id);
CREATE INDEX ix_alert_account_id ON direct_payments.alert USING btree (account_id);
CREATE INDEX ix_alert_open ON direct_payments.alert USING btree (route, raised_at) WHERE ((status)::text = 'open'::text);
CREATE INDEX ix_audit_entry_actor ON direct_payments.audit_entry USING btree (actor, id);
CREATE INDEX ix_audit_entry_at ON direct_payments.audit_entry USING btree (at);
CREATE INDEX ix_audit_entry_subject_id ON direct_payments.audit_entry USING btree (subject_kind, subject_id);
CREATE INDEX ix_card_account_id ON direct_payments.card USING btree (account_id);
CREATE INDEX ix_card_decline_account_id_declined_at ON direct_payments.card_decline USING btree (account_id, declined_at);
CREATE INDEX ix_card_decline_delivery_number_row_number ON direct_payments.card_decline USING btree (delivery_number, row_number);
CREATE INDEX ix_card_hold_open ON direct_payments.card_hold USING btree (account_id) WHERE ((status)::text = 'authorised'::text);
CREATE INDEX ix_card_hold_settled_at ON direct_payments.card_hold USING brin (settled_at);
CREATE INDEX ix_card_release_hold ON direct_payments.card_release USING btree (provider_code, hold_id);
CREATE INDEX ix_card_transaction_account_id_booked_on ON direct_payments.card_transaction USING btree (account_id, booked_on);
CREATE INDEX ix_card_transaction_booked_on ON direct_payments.card_transaction USING brin (booked_on);
CREATE INDEX ix_card_transaction_delivery_number ON direct_payments.card_transaction USING brin (delivery_number);
CREATE INDEX ix_categorisation_transaction_id_id ON direct_payments.categorisation USING btree (transaction_id, id);
CREATE INDEX ix_clawback_calculation_case_id ON direct_payments.clawback_calculation USING btree (case_id);
CREATE INDEX ix_feed_batch_delivery_id ON direct_payments.feed_batch USING btree (delivery_id);
CREATE INDEX ix_feed_delivery_provider_code_received_at ON direct_payments.feed_delivery USING btree (provider_code, received_at);
CREATE INDEX ix_feed_delivery_sequence ON direct_payments.feed_delivery USING btree (provider_code, sequence) WHERE (sequence IS NOT NULL);
CREATE INDEX ix_feed_key_provider_code ON direct_payments.feed_key USING btree (provider_code);
CREATE INDEX ix_feed_progress_unfinished ON direct_payments.feed_progress USING btree (delivery_id) WHERE ((status)::text <> 'posted'::text);
CREATE INDEX ix_feed_statement_account ON direct_payments.feed_statement USING btree (provider_code, account_ref, closing_on);
CREATE INDEX ix_feed_statement_delivery_number ON direct_payments.feed_statement USING btree (delivery_number);
CREATE INDEX ix_feed_statement_disproved ON direct_payments.feed_statement USING btree (provider_code, account_ref) WHERE (is_proved IS FALSE);
CREATE INDEX ix_idempotency_record_created_at ON direct_payments.idempotency_record USING btree (created_at);
CREATE INDEX ix_payment_match_stands ON direct_payments.payment_match USING btree (stands_delivery_number, stands_row_number);
CREATE INDEX ix_payment_telling_account_id_booked_on ON direct_payments.payment_telling USING btree (account_id, booked_on);
CREATE INDEX ix_personal_assistant_engagement_personal_assistant_id ON direct_payments.personal_assistant_engagement USING btree (personal_assistant_id);
CREATE INDEX ix_personal_assistant_team_code ON direct_payments.personal_assistant USING btree (team_code);
CREATE INDEX ix_quarantine_resolution_quarantined_row_id ON direct_payments.quarantine_resolution USING btree (quarantined_row_id);
CREATE INDEX ix_quarantined_row_disputes ON direct_payments.quarantined_row USING btree (provider_code, transaction_id) WHERE (code = 'same_id_other_content'::text);
CREATE INDEX ix_quarantined_row_told ON direct_payments.quarantined_row USING btree (provider_code, transaction_id) WHERE (code = ANY (ARRAY['told_by_another_message'::text, 'may_be_told_twice'::text, 'told_in_part'::text]));
CREATE INDEX ix_quarantined_row_waiting ON direct_payments.quarantined_row USING btree (provider_code, waits_for) WHERE ((status)::text = 'waiting'::text);
CREATE INDEX ix_read_log_at ON direct_payments.read_log USING btree (at);
CREATE INDEX ix_read_log_subject_ids ON direct_payments.read_log USING gin (subject_ids);
CREATE INDEX ix_recipient_team_code_id ON direct_payments.recipient USING btree (team_code, id);
CREATE INDEX ix_reconciliation_finding_account ON direct_payments.reconciliation_finding USING btree (provider_code, account_ref, concerns_on) WHERE ((status)::text = 'open'::text);
CREATE INDEX ix_reconciliation_finding_provider_code ON direct_payments.reconciliation_finding USING btree (provider_code, found_at);
CREATE INDEX ix_staff_login_staff_number ON direct_payments.staff_login USING btree (staff_number);
CREATE UNIQUE INDEX uq_account_trial ON direct_payments.account USING btree (provider_code) WHERE ((kind)::text = 'trial'::text);
CREATE UNIQUE INDEX uq_agreement_ongoing ON direct_payments.agreement USING btree (recipient_id) WHERE (((status)::text = ANY ((ARRAY['active'::character varying, 'suspended'::character varying])::text[])) AND ((payment_schedule)::text <> 'one_off'::text));
CREATE UNIQUE INDEX uq_clawback_case_open ON direct_payments.clawback_case USING btree (agreement_id, ground) WHERE (closed_on IS NULL);
CREATE UNIQUE INDEX uq_clawback_run_scheduled ON direct_payments.clawback_run USING btree (as_of) WHERE ((trigger)::text = 'scheduled'::text);
CREATE UNIQUE INDEX uq_feed_delivery_external_id ON direct_payments.feed_delivery USING btree (provider_code, external_id) WHERE (external_id IS NOT NULL);
CREATE UNIQUE INDEX uq_feed_key_fingerprint ON direct_payments.feed_key USING btree (fingerprint) WHERE (retired_at IS NULL);
CREATE UNIQUE INDEX uq_personal_assistant_engagement_current ON direct_payments.personal_assistant_engagement USING btree (recipient_id, personal_assistant_id) WHERE (ended_on IS NULL);
CREATE UNIQUE INDEX uq_quarantine_resolution_open ON direct_payments.quarantine_resolution USING btree (quarantined_row_id) WHERE ((status)::text = 'proposed'::text);
CREATE UNIQUE INDEX uq_reconciliation_finding_open ON direct_payments.reconciliation_finding USING btree (key) WHERE ((status)::text = 'open'::text);
CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON direct_payments.alert_policy FOR EACH STATEMENT EXECUTE FUNCTION direct_payments.refuse_change();
CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON direct_payments.audit_entry FOR EACH STATEMENT EXECUTE FUNCTION direct_payments.refuse_change();
CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON direct_payments.audit_seal FOR EACH STATEMENT EXECUTE FUNCTION direct_payments.refuse_change();
CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON direct_payments.budget FOR EACH STATEMENT EXECUTE FUNCTION direct_payments.refuse_change();
CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON direct_payments.card_decline FOR EACH STATEMENT EXECUTE FUNCTION direct_payments.refuse_change();
CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON direct_payments.card_release FOR EACH STATEMENT EXECUTE FUNCTION direct_payments.refuse_change();
CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON direct_payments.card_transaction FOR EACH STATEMENT EXECUTE FUNCTION direct_payments.refuse_change();
CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON direct_payments.categorisation FOR EACH STATEMENT EXECUTE FUNCTION direct_payments.refuse_change();
CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON direct_payments.category_rule FOR EACH STATEMENT EXECUTE FUNCTION direct_payments.refuse_change();
CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON direct_payments.clawback_calculation FOR EACH STATEMENT EXECUTE FUNCTION direct_payments.refuse_change();
CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON direct_payments.clawback_calculation_line FOR EACH STATEMENT EXECUTE FUNCTION direct_payments.refuse_change();
CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON direct_payments.clawback_policy FOR EACH STATEMENT EXECUTE FUNCTION direct_payments.refuse_change();
CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON direct_payments.clawback_run FOR EACH STATEMENT EXECUTE FUNCTION direct_payments.refuse_change();
CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON direct_payments.feed_batch FOR EACH STATEMENT EXECUTE FUNCTION direct_payments.refuse_change();
CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON direct_payments.feed_complete_day FOR EACH STATEMENT EXECUTE FUNCTION direct_payments.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR TRUNCATE ON direct_payments.feed_content FOR EACH STATEMENT EXECUTE FUNCTION direct_payments.refuse_change();
CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON direct_payments.feed_delivery FOR EACH STATEMENT EXECUTE FUNCTION direct_payments.refuse_change();
CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON direct_payments.feed_increment_row FOR EACH STATEMENT EXECUTE FUNCTION direct_payments.refuse_change();
CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON direct_payments.feed_layout FOR EACH STATEMENT EXECUTE FUNCTION direct_payments.refuse_change();
CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON direct_payments.feed_row FOR EACH STATEMENT EXECUTE FUNCTION direct_payments.refuse_change();
CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON direct_payments.feed_statement FOR EACH STATEMENT EXECUTE FUNCTION direct_payments.refuse_change();
CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON direct_payments.job_run FOR EACH STATEMENT EXECUTE FUNCTION direct_payments.refuse_change();
CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON direct_payments.payment_match FOR EACH STATEMENT EXECUTE FUNCTION direct_payments.refuse_change();
CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON direct_payments.payment_telling FOR EACH STATEMENT EXECUTE FUNCTION direct_payments.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR TRUNCATE ON direct_payments.personal_key FOR EACH STATEMENT EXECUTE FUNCTION direct_payments.refuse_change();
CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON direct_payments.read_log FOR EACH STATEMENT EXECUTE FUNCTION direct_payments.refuse_change();
CREATE TRIGGER only_with_an_entry AFTER DELETE ON direct_payments.feed_content REFERENCING OLD TABLE AS disposed FOR EACH STATEMENT EXECUTE FUNCTION direct_payments.refuse_unentered_disposal();
CREATE TRIGGER only_with_an_entry AFTER DELETE ON direct_payments.personal_key REFERENCING OLD TABLE AS destroyed FOR EACH STATEMENT EXECUTE FUNCTION direct_payments.refuse_unentered_destruction();
CREATE TRIGGER queue_for_seal AFTER INSERT ON direct_payments.audit_entry REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION direct_payments.queue_for_seal('acts');
CREATE TRIGGER queue_for_seal AFTER INSERT ON direct_payments.read_log REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION direct_payments.queue_for_seal('reads');
ALTER TABLE ONLY direct_payments.account
    ADD CONSTRAINT fk_account_agreement_id_agreement FOREIGN KEY (agreement_id) REFERENCES direct_payments.agreement(id);
ALTER TABLE ONLY direct_payments.account_balance
    ADD CONSTRAINT fk_account_balance_account_id_account FOREIGN KEY (account_id) REFERENCES direct_payments.account(id);
ALTER TABLE ONLY direct_payments.account
    ADD CONSTRAINT fk_account_provider_code_feed_provider FOREIGN KEY (provider_code) REFERENCES direct_payments.feed_provider(code);
ALTER TABLE ONLY direct_payments.agreement
    ADD CONSTRAINT fk_agreement_money_manager_id_money_manager FOREIGN KEY (money_manager_id) REFERENCES direct_payments.money_manager(id);
ALTER TABLE ONLY direct_payments.agreement
    ADD CONSTRAINT fk_agreement_recipient_id_recipient FOREIGN KEY (recipient_id) REFERENCES direct_payments.recipient(id);
ALTER TABLE ONLY direct_payments.alert
    ADD CONSTRAINT fk_alert_account_id_account FOREIGN KEY (account_id) REFERENCES direct_payments.account(id);
ALTER TABLE ONLY direct_payments.alert
    ADD CONSTRAINT fk_alert_policy_id_alert_policy FOREIGN KEY (policy_id) REFERENCES direct_payments.alert_policy(id);
ALTER TABLE ONLY direct_payments.budget
    ADD CONSTRAINT fk_budget_agreement_id_agreement FOREIGN KEY (agreement_id) REFERENCES direct_payments.agreement(id);
ALTER TABLE ONLY direct_payments.card
    ADD CONSTRAINT fk_card_account_id_account FOREIGN KEY (account_id) REFERENCES direct_payments.account(id);
ALTER TABLE ONLY direct_payments.card_decline
    ADD CONSTRAINT fk_card_decline_account_id_account FOREIGN KEY (account_id) REFERENCES direct_payments.account(id);
ALTER TABLE ONLY direct_payments.card_hold
    ADD CONSTRAINT fk_card_hold_account_id_account FOREIGN KEY (account_id) REFERENCES direct_payments.account(id);
ALTER TABLE ONLY direct_payments.card
    ADD CONSTRAINT fk_card_provider_code_feed_provider FOREIGN KEY (provider_code) REFERENCES direct_payments.feed_provider(code);
ALTER TABLE ONLY direct_payments.card_release
    ADD CONSTRAINT fk_card_release_account_id_account FOREIGN KEY (account_id) REFERENCES direct_payments.account(id);
ALTER TABLE ONLY direct_payments.categorisation
    ADD CONSTRAINT fk_categorisation_follows_id_card_transaction FOREIGN KEY (follows_id) REFERENCES direct_payments.card_transaction(id);
ALTER TABLE ONLY direct_payments.categorisation
    ADD CONSTRAINT fk_categorisation_transaction_id_card_transaction FOREIGN KEY (transaction_id) REFERENCES direct_payments.card_transaction(id);
ALTER TABLE ONLY direct_payments.category_rule
    ADD CONSTRAINT fk_category_rule_account_id_account FOREIGN KEY (account_id) REFERENCES direct_payments.account(id);
ALTER TABLE ONLY direct_payments.clawback_calculation
    ADD CONSTRAINT fk_clawback_calculation_case_id_clawback_case FOREIGN KEY (case_id) REFERENCES direct_payments.clawback_case(id);
ALTER TABLE ONLY direct_payments.clawback_case
    ADD CONSTRAINT fk_clawback_case_agreement_id_agreement FOREIGN KEY (agreement_id) REFERENCES direct_payments.agreement(id);
ALTER TABLE ONLY direct_payments.clawback_case
    ADD CONSTRAINT fk_clawback_case_opened_by_run_id_clawback_run FOREIGN KEY (opened_by_run_id) REFERENCES direct_payments.clawback_run(id) DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE ONLY direct_payments.clawback_run
    ADD CONSTRAINT fk_clawback_run_policy_version_clawback_policy FOREIGN KEY (policy_version) REFERENCES direct_payments.clawback_policy(version);
ALTER TABLE ONLY direct_payments.feed_batch
    ADD CONSTRAINT fk_feed_batch_delivery_id_feed_delivery FOREIGN KEY (delivery_id) REFERENCES direct_payments.feed_delivery(id);
ALTER TABLE ONLY direct_payments.feed_complete_day
    ADD CONSTRAINT fk_feed_complete_day_provider_code_feed_provider FOREIGN KEY (provider_code) REFERENCES direct_payments.feed_provider(code);
ALTER TABLE ONLY direct_payments.feed_content
    ADD CONSTRAINT fk_feed_content_delivery_id_feed_delivery FOREIGN KEY (delivery_id) REFERENCES direct_payments.feed_delivery(id);
ALTER TABLE ONLY direct_payments.feed_delivery
    ADD CONSTRAINT fk_feed_delivery_provider_code_feed_provider FOREIGN KEY (provider_code) REFERENCES direct_payments.feed_provider(code);
ALTER TABLE ONLY direct_payments.feed_increment_row
    ADD CONSTRAINT fk_feed_increment_row_provider_code_feed_provider FOREIGN KEY (provider_code) REFERENCES direct_payments.feed_provider(code);
ALTER TABLE ONLY direct_payments.feed_key
    ADD CONSTRAINT fk_feed_key_provider_code_feed_provider FOREIGN KEY (provider_code) REFERENCES direct_payments.feed_provider(code);
ALTER TABLE ONLY direct_payments.feed_layout
    ADD CONSTRAINT fk_feed_layout_provider_code_feed_provider FOREIGN KEY (provider_code) REFERENCES direct_payments.feed_provider(code);
ALTER TABLE ONLY direct_payments.feed_poll
    ADD CONSTRAINT fk_feed_poll_provider_code_feed_provider FOREIGN KEY (provider_code) REFERENCES direct_payments.feed_provider(code);
ALTER TABLE ONLY direct_payments.feed_progress
    ADD CONSTRAINT fk_feed_progress_delivery_id_feed_delivery FOREIGN KEY (delivery_id) REFERENCES direct_payments.feed_delivery(id);
ALTER TABLE ONLY direct_payments.feed_statement
    ADD CONSTRAINT fk_feed_statement_provider_code_feed_provider FOREIGN KEY (provider_code) REFERENCES direct_payments.feed_provider(code);
ALTER TABLE ONLY direct_payments.gross_today
    ADD CONSTRAINT fk_gross_today_agreement_id_agreement FOREIGN KEY (agreement_id) REFERENCES direct_payments.agreement(id);
ALTER TABLE ONLY direct_payments.gross_today
    ADD CONSTRAINT fk_gross_today_budget_id_budget FOREIGN KEY (budget_id) REFERENCES direct_payments.budget(id);
ALTER TABLE ONLY direct_payments.payment_match
    ADD CONSTRAINT fk_payment_match_provider_code_feed_provider FOREIGN KEY (provider_code) REFERENCES direct_payments.feed_provider(code);
ALTER TABLE ONLY direct_payments.payment_telling
    ADD CONSTRAINT fk_payment_telling_account_id_account FOREIGN KEY (account_id) REFERENCES direct_payments.account(id);
ALTER TABLE ONLY direct_payments.personal_assistant_engagement
    ADD CONSTRAINT fk_personal_assistant_engagement_personal_assistant_id__4a14 FOREIGN KEY (personal_assistant_id) REFERENCES direct_payments.personal_assistant(id);
ALTER TABLE ONLY direct_payments.personal_assistant_engagement
    ADD CONSTRAINT fk_personal_assistant_engagement_recipient_id_recipient FOREIGN KEY (recipient_id) REFERENCES direct_payments.recipient(id);
ALTER TABLE ONLY direct_payments.personal_assistant
    ADD CONSTRAINT fk_personal_assistant_team_code_team FOREIGN KEY (team_code) REFERENCES direct_payments.team(code);
ALTER TABLE ONLY direct_payments.quarantine_resolution
    ADD CONSTRAINT fk_quarantine_resolution_quarantined_row_id_quarantined_row FOREIGN KEY (quarantined_row_id) REFERENCES direct_payments.quarantined_row(id);
ALTER TABLE ONLY direct_payments.quarantined_row
    ADD CONSTRAINT fk_quarantined_row_provider_code_feed_provider FOREIGN KEY (provider_code) REFERENCES direct_payments.feed_provider(code);
ALTER TABLE ONLY direct_payments.recipient
    ADD CONSTRAINT fk_recipient_merged_into_id_recipient FOREIGN KEY (merged_into_id) REFERENCES direct_payments.recipient(id);
ALTER TABLE ONLY direct_payments.recipient
    ADD CONSTRAINT fk_recipient_team_code_team FOREIGN KEY (team_code) REFERENCES direct_payments.team(code);
ALTER TABLE ONLY direct_payments.reconciliation_finding
    ADD CONSTRAINT fk_reconciliation_finding_account_id_account FOREIGN KEY (account_id) REFERENCES direct_payments.account(id);
ALTER TABLE ONLY direct_payments.reconciliation_finding
    ADD CONSTRAINT fk_reconciliation_finding_provider_code_feed_provider FOREIGN KEY (provider_code) REFERENCES direct_payments.feed_provider(code);
ALTER TABLE ONLY direct_payments.staff_login
    ADD CONSTRAINT fk_staff_login_staff_number_staff_member FOREIGN KEY (staff_number) REFERENCES direct_payments.staff_member(staff_number);
ALTER TABLE ONLY direct_payments.staff_team
    ADD CONSTRAINT fk_staff_team_staff_number_staff_member FOREIGN KEY (staff_number) REFERENCES direct_payments.staff_member(staff_number);
ALTER TABLE ONLY direct_payments.staff_team
    ADD CONSTRAINT fk_staff_team_team_code_team FOREIGN KEY (team_code) REFERENCES direct_payments.team(code);
ALTER TABLE ONLY direct_payments.statement_waiting
    ADD CONSTRAINT fk_statement_waiting_provider_code_feed_provider FOREIGN KEY (provider_code) REFERENCES direct_payments.feed_provider(code);
GRANT USAGE ON SCHEMA direct_payments TO direct_payments_dp_api;
GRANT USAGE ON SCHEMA direct_payments TO direct_payments_card_ingest;
GRANT USAGE ON SCHEMA direct_payments TO direct_payments_clawback;
REVOKE ALL ON FUNCTION direct_payments.destroy_personal_key(person uuid, actor text, reason text) FROM PUBLIC;
REVOKE ALL ON FUNCTION direct_payments.dispose_of_feed_content(kept_days integer, at_most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION direct_payments.dispose_of_feed_content(kept_days integer, at_most integer) TO direct_payments_card_ingest;
REVOKE ALL ON FUNCTION direct_payments.queue_for_seal() FROM PUBLIC;
REVOKE ALL ON FUNCTION direct_payments.refuse_change() FROM PUBLIC;
REVOKE ALL ON FUNCTION direct_payments.refuse_unentered_destruction() FROM PUBLIC;
REVOKE ALL ON FUNCTION direct_payments.refuse_unentered_disposal() FROM PUBLIC;
GRANT SELECT,INSERT,UPDATE ON TABLE direct_payments.account TO direct_payments_dp_api;
GRANT SELECT ON TABLE direct_payments.account TO direct_payments_card_ingest;
GRANT SELECT ON TABLE direct_payments.account TO direct_payments_clawback;
GRANT SELECT ON TABLE direct_payments.account_balance TO direct_payments_dp_api;
GRANT SELECT ON TABLE direct_payments.account_balance TO direct_payments_clawback;
GRANT SELECT,INSERT,UPDATE ON TABLE direct_payments.account_balance TO direct_payments_card_ingest;
GRANT SELECT,INSERT,UPDATE ON TABLE direct_payments.agreement TO direct_payments_dp_api;
GRANT SELECT ON TABLE direct_payments.agreement TO direct_payments_card_ingest;
GRANT SELECT ON TABLE direct_payments.agreement TO direct_payments_clawback;
GRANT SELECT ON TABLE direct_payments.alembic_version TO direct_payments_dp_api;
GRANT SELECT ON TABLE direct_payments.alembic_version TO direct_payments_card_ingest;
GRANT SELECT ON TABLE direct_payments.alembic_version TO direct_payments_clawback;
GRANT SELECT ON TABLE direct_payments.alert TO direct_payments_dp_api;
GRANT SELECT ON TABLE direct_payments.alert TO direct_payments_clawback;
GRANT SELECT,INSERT,UPDATE ON TABLE direct_payments.alert TO direct_payments_card_ingest;
GRANT SELECT ON TABLE direct_payments.alert_due TO direct_payments_dp_api;
GRANT SELECT ON TABLE direct_payments.alert_due TO direct_payments_clawback;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE direct_payments.alert_due TO direct_payments_card_ingest;
GRANT SELECT ON TABLE direct_payments.alert_policy TO direct_payments_dp_api;
GRANT SELECT ON TABLE direct_payments.alert_policy TO direct_payments_clawback;
GRANT SELECT,INSERT ON TABLE direct_payments.alert_policy TO direct_payments_card_ingest;
GRANT SELECT,INSERT ON TABLE direct_payments.audit_entry TO direct_payments_dp_api;
GRANT SELECT,INSERT ON TABLE direct_payments.audit_entry TO direct_payments_card_ingest;
GRANT SELECT,INSERT ON TABLE direct_payments.audit_entry TO direct_payments_clawback;
GRANT SELECT,INSERT ON TABLE direct_payments.audit_seal TO direct_payments_dp_api;
GRANT SELECT ON TABLE direct_payments.audit_seal TO direct_payments_card_ingest;
GRANT SELECT ON TABLE direct_payments.audit_seal TO direct_payments_clawback;
GRANT SELECT,INSERT ON TABLE direct_payments.budget TO direct_payments_dp_api;
GRANT SELECT ON TABLE direct_payments.budget TO direct_payments_card_ingest;
GRANT SELECT ON TABLE direct_payments.budget TO direct_payments_clawback;
GRANT SELECT,INSERT,UPDATE ON TABLE direct_payments.card TO direct_payments_dp_api;
GRANT SELECT ON TABLE direct_payments.card TO direct_payments_card_ingest;
GRANT SELECT ON TABLE direct_payments.card TO direct_payments_clawback;
GRANT SELECT ON TABLE direct_payments.card_decline TO direct_payments_dp_api;
GRANT SELECT ON TABLE direct_payments.card_decline TO direct_payments_clawback;
GRANT SELECT,INSERT ON TABLE direct_payments.card_decline TO direct_payments_card_ingest;
GRANT SELECT ON TABLE direct_payments.card_hold TO direct_payments_dp_api;
GRANT SELECT ON TABLE direct_payments.card_hold TO direct_payments_clawback;
GRANT SELECT,INSERT,UPDATE ON TABLE direct_payments.card_hold TO direct_payments_card_ingest;
GRANT SELECT ON TABLE direct_payments.card_release TO direct_payments_dp_api;
GRANT SELECT ON TABLE direct_payments.card_release TO direct_payments_clawback;
GRANT SELECT,INSERT ON TABLE direct_payments.card_release TO direct_payments_card_ingest;
GRANT SELECT ON TABLE direct_payments.card_transaction TO direct_payments_dp_api;
GRANT SELECT ON TABLE direct_payments.card_transaction TO direct_payments_clawback;
GRANT SELECT,INSERT ON TABLE direct_payments.card_transaction TO direct_payments_card_ingest;
GRANT SELECT ON TABLE direct_payments.categorisation TO direct_payments_dp_api;
GRANT SELECT ON TABLE direct_payments.categorisation TO direct_payments_clawback;
GRANT SELECT,INSERT ON TABLE direct_payments.categorisation TO direct_payments_card_ingest;
GRANT SELECT ON TABLE direct_payments.category TO direct_payments_dp_api;
GRANT SELECT ON TABLE direct_payments.category TO direct_payments_clawback;
GRANT SELECT,INSERT,UPDATE ON TABLE direct_payments.category TO direct_payments_card_ingest;
GRANT SELECT ON TABLE direct_payments.category_rule TO direct_payments_dp_api;
GRANT SELECT ON TABLE direct_payments.category_rule TO direct_payments_clawback;
GRANT SELECT,INSERT ON TABLE direct_payments.category_rule TO direct_payments_card_ingest;
GRANT SELECT ON TABLE direct_payments.clawback_calculation TO direct_payments_dp_api;
GRANT SELECT ON TABLE direct_payments.clawback_calculation TO direct_payments_card_ingest;
GRANT SELECT,INSERT ON TABLE direct_payments.clawback_calculation TO direct_payments_clawback;
GRANT SELECT ON TABLE direct_payments.clawback_calculation_line TO direct_payments_dp_api;
GRANT SELECT ON TABLE direct_payments.clawback_calculation_line TO direct_payments_card_ingest;
GRANT SELECT,INSERT ON TABLE direct_payments.clawback_calculation_line TO direct_payments_clawback;
GRANT SELECT ON TABLE direct_payments.clawback_case TO direct_payments_dp_api;
GRANT SELECT ON TABLE direct_payments.clawback_case TO direct_payments_card_ingest;
GRANT SELECT,INSERT,UPDATE ON TABLE direct_payments.clawback_case TO direct_payments_clawback;
GRANT SELECT ON TABLE direct_payments.clawback_policy TO direct_payments_dp_api;
GRANT SELECT ON TABLE direct_payments.clawback_policy TO direct_payments_card_ingest;
GRANT SELECT,INSERT ON TABLE direct_payments.clawback_policy TO direct_payments_clawback;
GRANT SELECT ON TABLE direct_payments.clawback_run TO direct_payments_dp_api;
GRANT SELECT ON TABLE direct_payments.clawback_run TO direct_payments_card_ingest;
GRANT SELECT,INSERT ON TABLE direct_payments.clawback_run TO direct_payments_clawback;
GRANT SELECT ON TABLE direct_payments.feed_batch TO direct_payments_dp_api;
GRANT SELECT ON TABLE direct_payments.feed_batch TO direct_payments_clawback;
GRANT SELECT,INSERT ON TABLE direct_payments.feed_batch TO direct_payments_card_ingest;
GRANT USAGE ON SEQUENCE direct_payments.feed_batch_number_seq TO direct_payments_card_ingest;
GRANT SELECT ON TABLE direct_payments.feed_complete_day TO direct_payments_dp_api;
GRANT SELECT ON TABLE direct_payments.feed_complete_day TO direct_payments_clawback;
GRANT SELECT,INSERT ON TABLE direct_payments.feed_complete_day TO direct_payments_card_ingest;
GRANT SELECT,INSERT ON TABLE direct_payments.feed_content TO direct_payments_card_ingest;
GRANT SELECT ON TABLE direct_payments.feed_delivery TO direct_payments_dp_api;
GRANT SELECT ON TABLE direct_payments.feed_delivery TO direct_payments_clawback;
GRANT SELECT,INSERT ON TABLE direct_payments.feed_delivery TO direct_payments_card_ingest;
GRANT SELECT ON TABLE direct_payments.feed_increment_row TO direct_payments_dp_api;
GRANT SELECT ON TABLE direct_payments.feed_increment_row TO direct_payments_clawback;
GRANT SELECT,INSERT ON TABLE direct_payments.feed_increment_row TO direct_payments_card_ingest;
GRANT SELECT,INSERT,UPDATE ON TABLE direct_payments.feed_key TO direct_payments_card_ingest;
GRANT SELECT,INSERT ON TABLE direct_payments.feed_layout TO direct_payments_card_ingest;
GRANT SELECT,INSERT,UPDATE ON TABLE direct_payments.feed_poll TO direct_payments_card_ingest;
GRANT SELECT ON TABLE direct_payments.feed_progress TO direct_payments_dp_api;
GRANT SELECT ON TABLE direct_payments.feed_progress TO direct_payments_clawback;
GRANT SELECT,INSERT,UPDATE ON TABLE direct_payments.feed_progress TO direct_payments_card_ingest;
GRANT SELECT ON TABLE direct_payments.feed_provider TO direct_payments_dp_api;
GRANT SELECT ON TABLE direct_payments.feed_provider TO direct_payments_clawback;
GRANT SELECT,INSERT,UPDATE ON TABLE direct_payments.feed_provider TO direct_payments_card_ingest;
GRANT SELECT ON TABLE direct_payments.feed_row TO direct_payments_dp_api;
GRANT SELECT ON TABLE direct_payments.feed_row TO direct_payments_clawback;
GRANT SELECT,INSERT ON TABLE direct_payments.feed_row TO direct_payments_card_ingest;
GRANT SELECT ON TABLE direct_payments.feed_statement TO direct_payments_dp_api;
GRANT SELECT ON TABLE direct_payments.feed_statement TO direct_payments_clawback;
GRANT SELECT,INSERT ON TABLE direct_payments.feed_statement TO direct_payments_card_ingest;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE direct_payments.gross_today TO direct_payments_dp_api;
GRANT SELECT ON TABLE direct_payments.gross_today TO direct_payments_card_ingest;
GRANT SELECT ON TABLE direct_payments.gross_today TO direct_payments_clawback;
GRANT SELECT,INSERT,DELETE ON TABLE direct_payments.idempotency_record TO direct_payments_dp_api;
GRANT SELECT,INSERT,DELETE ON TABLE direct_payments.idempotency_record TO direct_payments_card_ingest;
GRANT SELECT,INSERT,DELETE ON TABLE direct_payments.idempotency_record TO direct_payments_clawback;
GRANT SELECT,INSERT ON TABLE direct_payments.job_run TO direct_payments_dp_api;
GRANT SELECT,INSERT ON TABLE direct_payments.job_run TO direct_payments_card_ingest;
GRANT SELECT,INSERT ON TABLE direct_payments.job_run TO direct_payments_clawback;
GRANT SELECT,INSERT ON TABLE direct_payments.key_check TO direct_payments_dp_api;
GRANT SELECT,INSERT ON TABLE direct_payments.key_check TO direct_payments_card_ingest;
GRANT SELECT,INSERT ON TABLE direct_payments.key_check TO direct_payments_clawback;
GRANT SELECT,INSERT,UPDATE ON TABLE direct_payments.money_manager TO direct_payments_dp_api;
GRANT SELECT ON TABLE direct_payments.money_manager TO direct_payments_card_ingest;
GRANT SELECT ON TABLE direct_payments.money_manager TO direct_payments_clawback;
GRANT SELECT,INSERT ON TABLE direct_payments.payment_match TO direct_payments_card_ingest;
GRANT SELECT ON TABLE direct_payments.payment_match TO direct_payments_dp_api;
GRANT SELECT ON TABLE direct_payments.payment_match TO direct_payments_clawback;
GRANT SELECT,INSERT ON TABLE direct_payments.payment_telling TO direct_payments_card_ingest;
GRANT SELECT,INSERT,UPDATE ON TABLE direct_payments.personal_assistant TO direct_payments_dp_api;
GRANT SELECT ON TABLE direct_payments.personal_assistant TO direct_payments_card_ingest;
GRANT SELECT ON TABLE direct_payments.personal_assistant TO direct_payments_clawback;
GRANT SELECT,INSERT,UPDATE ON TABLE direct_payments.personal_assistant_engagement TO direct_payments_dp_api;
GRANT SELECT ON TABLE direct_payments.personal_assistant_engagement TO direct_payments_card_ingest;
GRANT SELECT ON TABLE direct_payments.personal_assistant_engagement TO direct_payments_clawback;
GRANT SELECT,INSERT ON TABLE direct_payments.personal_key TO direct_payments_dp_api;
GRANT SELECT,INSERT ON TABLE direct_payments.personal_key TO direct_payments_card_ingest;
GRANT SELECT,INSERT ON TABLE direct_payments.personal_key TO direct_payments_clawback;
GRANT SELECT ON TABLE direct_payments.quarantine_resolution TO direct_payments_dp_api;
GRANT SELECT ON TABLE direct_payments.quarantine_resolution TO direct_payments_clawback;
GRANT SELECT,INSERT,UPDATE ON TABLE direct_payments.quarantine_resolution TO direct_payments_card_ingest;
GRANT SELECT ON TABLE direct_payments.quarantined_row TO direct_payments_dp_api;
GRANT SELECT ON TABLE direct_payments.quarantined_row TO direct_payments_clawback;
GRANT SELECT,INSERT,UPDATE ON TABLE direct_payments.quarantined_row TO direct_payments_card_ingest;
GRANT SELECT,INSERT ON TABLE direct_payments.read_log TO direct_payments_dp_api;
GRANT SELECT,INSERT ON TABLE direct_payments.read_log TO direct_payments_card_ingest;
GRANT SELECT,INSERT ON TABLE direct_payments.read_log TO direct_payments_clawback;
GRANT SELECT,INSERT,UPDATE ON TABLE direct_payments.recipient TO direct_payments_dp_api;
GRANT SELECT ON TABLE direct_payments.recipient TO direct_payments_card_ingest;
GRANT SELECT ON TABLE direct_payments.recipient TO direct_payments_clawback;
GRANT SELECT,INSERT,DELETE ON TABLE direct_payments.reconciliation_due TO direct_payments_card_ingest;
GRANT SELECT ON TABLE direct_payments.reconciliation_finding TO direct_payments_dp_api;
GRANT SELECT ON TABLE direct_payments.reconciliation_finding TO direct_payments_clawback;
GRANT SELECT,INSERT,UPDATE ON TABLE direct_payments.reconciliation_finding TO direct_payments_card_ingest;
GRANT SELECT,INSERT,UPDATE ON TABLE direct_payments.scheduler_heartbeat TO direct_payments_dp_api;
GRANT SELECT,INSERT,UPDATE ON TABLE direct_payments.scheduler_heartbeat TO direct_payments_card_ingest;
GRANT SELECT,INSERT,UPDATE ON TABLE direct_payments.scheduler_heartbeat TO direct_payments_clawback;
GRANT SELECT ON TABLE direct_payments.spend_delta TO direct_payments_dp_api;
GRANT SELECT ON TABLE direct_payments.spend_delta TO direct_payments_clawback;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE direct_payments.spend_delta TO direct_payments_card_ingest;
GRANT SELECT ON TABLE direct_payments.spend_summary TO direct_payments_dp_api;
GRANT SELECT ON TABLE direct_payments.spend_summary TO direct_payments_clawback;
GRANT SELECT,INSERT,UPDATE ON TABLE direct_payments.spend_summary TO direct_payments_card_ingest;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE direct_payments.staff_login TO direct_payments_dp_api;
GRANT SELECT ON TABLE direct_payments.staff_login TO direct_payments_card_ingest;
GRANT SELECT ON TABLE direct_payments.staff_login TO direct_payments_clawback;
GRANT SELECT,INSERT,UPDATE ON TABLE direct_payments.staff_member TO direct_payments_dp_api;
GRANT SELECT ON TABLE direct_payments.staff_member TO direct_payments_card_ingest;
GRANT SELECT ON TABLE direct_payments.staff_member TO direct_payments_clawback;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE direct_payments.staff_team TO direct_payments_dp_api;
GRANT SELECT ON TABLE direct_payments.staff_team TO direct_payments_card_ingest;
GRANT SELECT ON TABLE direct_payments.staff_team TO direct_payments_clawback;
GRANT SELECT,INSERT,DELETE ON TABLE direct_payments.statement_due TO direct_payments_card_ingest;
GRANT SELECT,INSERT,DELETE ON TABLE direct_payments.statement_waiting TO direct_payments_card_ingest;
GRANT SELECT,INSERT,UPDATE ON TABLE direct_payments.team TO direct_payments_dp_api;
GRANT SELECT ON TABLE direct_payments.team TO direct_payments_card_ingest;
GRANT SELECT ON TABLE direct_payments.team TO direct_payments_clawback;
GRANT SELECT,DELETE ON TABLE direct_payments.unsealed_entry TO direct_payments_dp_api;
