-- Recipients, personal assistants and money managers. Written by dp_api.

CREATE TABLE money_manager (
    id UUID NOT NULL,
    name TEXT NOT NULL,
    weekly_fee_pence BIGINT NOT NULL,
    version BIGINT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_money_manager PRIMARY KEY (id),
    CONSTRAINT uq_money_manager_name UNIQUE (name)
);

CREATE TABLE personal_assistant (
    id UUID NOT NULL,
    full_name TEXT NOT NULL,
    team_code TEXT NOT NULL,
    version BIGINT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_personal_assistant PRIMARY KEY (id),
    CONSTRAINT fk_personal_assistant_team_code_team FOREIGN KEY(team_code) REFERENCES team (code)
);

CREATE INDEX ix_personal_assistant_team_code ON personal_assistant (team_code);

CREATE TABLE recipient (
    id UUID NOT NULL,
    kind VARCHAR(40) NOT NULL,
    full_name TEXT NOT NULL,
    known_as TEXT,
    date_of_birth DATE NOT NULL,
    died_on DATE,
    nhs_number_encrypted BYTEA,
    nhs_number_index BYTEA,
    primary_support_reason VARCHAR(40) NOT NULL,
    ethnicity VARCHAR(40) NOT NULL,
    team_code TEXT NOT NULL,
    address_lines TEXT NOT NULL,
    postcode TEXT NOT NULL,
    home_care_zone VARCHAR(40) NOT NULL,
    administered_by VARCHAR(40) NOT NULL,
    communication_needs TEXT,
    merged_into_id UUID,
    version BIGINT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_recipient PRIMARY KEY (id),
    CONSTRAINT ck_recipient_died_after_birth CHECK (died_on IS NULL OR died_on >= date_of_birth),
    CONSTRAINT ck_recipient_nhs_number_whole CHECK ((nhs_number_encrypted IS NULL) = (nhs_number_index IS NULL)),
    CONSTRAINT ck_recipient_not_merged_into_itself CHECK (merged_into_id <> id),
    CONSTRAINT ck_recipient_recipient_kind CHECK (kind IN ('adult', 'carer')),
    CONSTRAINT uq_recipient_nhs_number_index UNIQUE (nhs_number_index),
    CONSTRAINT ck_recipient_primary_support_reason CHECK (primary_support_reason IN ('physical_access_and_mobility',
        'physical_personal_care', 'sensory_visual', 'sensory_hearing', 'sensory_dual', 'memory_and_cognition',
        'learning_disability', 'mental_health', 'social_substance_misuse', 'social_asylum_seeker',
        'social_isolation_or_other', 'support_to_carer')),
    CONSTRAINT ck_recipient_ethnicity CHECK (ethnicity IN ('asian', 'black', 'mixed', 'other', 'white',
        'not_recorded')),
    CONSTRAINT fk_recipient_team_code_team FOREIGN KEY(team_code) REFERENCES team (code),
    CONSTRAINT ck_recipient_home_care_zone CHECK (home_care_zone IN ('coalville_and_ashby', 'charnwood_north',
        'charnwood_south', 'west_leicester', 'oadby_and_wigston', 'hinckley', 'melton', 'south_leicestershire',
        'market_harborough', 'castle_donington', 'lutterworth', 'bottesford', 'west_leicestershire_rural',
        'harborough_rural')),
    CONSTRAINT ck_recipient_administered_by CHECK (administered_by IN ('alone', 'family', 'representative',
        'someone_else')),
    CONSTRAINT fk_recipient_merged_into_id_recipient FOREIGN KEY(merged_into_id) REFERENCES recipient (id)
);

CREATE INDEX ix_recipient_team_code_id ON recipient (team_code, id);

CREATE TABLE personal_assistant_engagement (
    id UUID NOT NULL,
    recipient_id UUID NOT NULL,
    personal_assistant_id UUID NOT NULL,
    started_on DATE NOT NULL,
    ended_on DATE,
    hours_per_week NUMERIC(5, 2) NOT NULL,
    relationship_to_recipient VARCHAR(40) NOT NULL,
    same_household BOOLEAN NOT NULL,
    exception_reason TEXT,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_personal_assistant_engagement PRIMARY KEY (id),
    CONSTRAINT ck_personal_assistant_engagement_ends_after_start CHECK (ended_on IS NULL OR ended_on >= started_on),
    CONSTRAINT ck_personal_assistant_engagement_hours_in_a_week CHECK (hours_per_week > 0 AND hours_per_week <= 168),
    CONSTRAINT fk_personal_assistant_engagement_recipient_id_recipient FOREIGN KEY(recipient_id) REFERENCES recipient
        (id),
    CONSTRAINT fk_personal_assistant_engagement_personal_assistant_id__4a14 FOREIGN KEY(personal_assistant_id)
        REFERENCES personal_assistant (id),
    CONSTRAINT ck_personal_assistant_engagement_engagement_relationship CHECK (relationship_to_recipient IN ('none',
        'spouse_or_partner', 'close_relative', 'other_relative', 'friend_or_neighbour'))
);

CREATE INDEX ix_personal_assistant_engagement_personal_assistant_id ON personal_assistant_engagement (personal_assistant_id);

CREATE UNIQUE INDEX uq_personal_assistant_engagement_current ON personal_assistant_engagement (recipient_id, personal_assistant_id) WHERE ended_on IS NULL;
