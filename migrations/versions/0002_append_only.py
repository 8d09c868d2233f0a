"""What may only be added to, the one way to destroy a person's key, and the queue of entries without a seal."""

from alembic import context, op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

APPEND_ONLY = (
    "audit_entry",
    "audit_seal",
    "budget",
    "card_decline",
    "card_transaction",
    "category_rule",
    "clawback_calculation",
    "clawback_calculation_line",
    "clawback_policy",
    "clawback_run",
    "feed_batch",
    "feed_content",
    "feed_delivery",
    "feed_row",
    "job_run",
    "personal_key",
    "read_log",
)

DESTRUCTIBLE = "personal_key"
BOOKS = {"audit_entry": "acts", "read_log": "reads"}

REFUSE_CHANGE = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'append_only: % only takes new rows', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END
$$
"""

# A key goes only in a transaction whose own entry in the trail says so, whoever asks: the owner and a superuser too.
REFUSE_UNENTERED_DESTRUCTION = """
CREATE FUNCTION refuse_unentered_destruction() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM destroyed) OR EXISTS (
        SELECT FROM destroyed WHERE NOT EXISTS (
            SELECT FROM {schema}.audit_entry AS entry
            WHERE entry.subject_kind = 'personal_key' AND entry.subject_id = destroyed.person_id::text
              AND entry.action = 'destroy_personal_key' AND entry.xmin = pg_current_xact_id()::xid
        )
    ) THEN
        RAISE EXCEPTION 'append_only: a personal key is destroyed by destroy_personal_key() alone'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END
$$
"""

# Nobody but the owner may call it. The reason stays in clear for good, so it names nobody.
DESTROY_PERSONAL_KEY = """
CREATE FUNCTION destroy_personal_key(person uuid, actor text, reason text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = {schema}, pg_temp
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
            reason, '{{}}');
    DELETE FROM personal_key WHERE person_id = person;
END
$$
"""

# It runs as the owner, so that every service's entries are queued and no service can write or empty the queue for it.
# Who wrote them is the session's role: a service enters nothing in another's name; the owner's members may, for acts
# that are no service's.
QUEUE_FOR_SEAL = """
CREATE FUNCTION queue_for_seal() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = {schema}, pg_temp
AS $$
BEGIN
    IF EXISTS (SELECT FROM added WHERE '{schema}_' || service <> session_user)
       AND NOT pg_has_role(session_user, '{schema}_owner', 'MEMBER') THEN
        RAISE EXCEPTION 'a service enters its own acts alone' USING ERRCODE = 'insufficient_privilege';
    END IF;
    INSERT INTO unsealed_entry (book, entry_id) SELECT TG_ARGV[0], id FROM added;
    RETURN NULL;
END
$$
"""


FUNCTIONS = {
    "refuse_change()": REFUSE_CHANGE,
    "refuse_unentered_destruction()": REFUSE_UNENTERED_DESTRUCTION,
    "destroy_personal_key(uuid, text, text)": DESTROY_PERSONAL_KEY,
    "queue_for_seal()": QUEUE_FOR_SEAL,
}


def upgrade() -> None:
    """Refuse UPDATE, DELETE and TRUNCATE on append-only tables to everybody, and queue each new entry for its seal."""
    run = op.get_bind().exec_driver_sql
    for text in FUNCTIONS.values():
        run(text.format(schema=context.config.attributes["schema"]))
    for function in FUNCTIONS:
        run(f"REVOKE ALL ON FUNCTION {function} FROM PUBLIC")
    for table in APPEND_ONLY:
        changes = "UPDATE OR TRUNCATE" if table == DESTRUCTIBLE else "UPDATE OR DELETE OR TRUNCATE"
        run(
            f"CREATE TRIGGER append_only BEFORE {changes} ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
    run(
        f"CREATE TRIGGER only_with_an_entry AFTER DELETE ON {DESTRUCTIBLE} REFERENCING OLD TABLE AS destroyed"
        " FOR EACH STATEMENT EXECUTE FUNCTION refuse_unentered_destruction()"
    )
    for table, book in BOOKS.items():
        run(
            f"CREATE TRIGGER queue_for_seal AFTER INSERT ON {table} REFERENCING NEW TABLE AS added"
            f" FOR EACH STATEMENT EXECUTE FUNCTION queue_for_seal('{book}')"
        )


def downgrade() -> None:
    """Take the triggers and their functions away."""
    run = op.get_bind().exec_driver_sql
    for table in BOOKS:
        run(f"DROP TRIGGER queue_for_seal ON {table}")
    for table in APPEND_ONLY:
        run(f"DROP TRIGGER append_only ON {table}")
    run(f"DROP TRIGGER only_with_an_entry ON {DESTRUCTIBLE}")
    for function in reversed(FUNCTIONS):
        run(f"DROP FUNCTION {function}")
