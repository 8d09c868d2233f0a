-- Staff of the council as this software knows them: one number a person, whatever accounts they sign in with. Written

CREATE TABLE staff_member (
    staff_number TEXT NOT NULL,
    display_name TEXT NOT NULL,
    is_active BOOLEAN NOT NULL,
    version BIGINT NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_staff_member PRIMARY KEY (staff_number)
);

CREATE TABLE team (
    code TEXT NOT NULL,
    name TEXT NOT NULL,
    CONSTRAINT pk_team PRIMARY KEY (code)
);

CREATE TABLE staff_login (
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    staff_number TEXT NOT NULL,
    CONSTRAINT pk_staff_login PRIMARY KEY (issuer, subject),
    CONSTRAINT fk_staff_login_staff_number_staff_member FOREIGN KEY(staff_number) REFERENCES staff_member
        (staff_number)
);

CREATE INDEX ix_staff_login_staff_number ON staff_login (staff_number);

CREATE TABLE staff_team (
    staff_number TEXT NOT NULL,
    team_code TEXT NOT NULL,
    CONSTRAINT pk_staff_team PRIMARY KEY (staff_number, team_code),
    CONSTRAINT fk_staff_team_staff_number_staff_member FOREIGN KEY(staff_number) REFERENCES staff_member
        (staff_number),
    CONSTRAINT fk_staff_team_team_code_team FOREIGN KEY(team_code) REFERENCES team (code)
);
