"""The one way in which a delivery's raw content goes after its time: with an entry in the trail for each."""

from alembic import context, op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

# It deletes as the owner and is called by card_ingest's daily job. What still has rows to post or in quarantine stays,
# and nothing goes that is younger than a quarter of a year, whatever the caller says.
DISPOSE = """
CREATE FUNCTION dispose_of_feed_content(kept_days integer, at_most integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = {schema}, pg_temp
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
        'feed_delivery', id::text, 'kept for its set time', '{{}}' FROM unnest(due) AS id;
    DELETE FROM feed_content WHERE delivery_id = ANY (due);
    RETURN cardinality(due);
END
$$
"""

REFUSE_UNENTERED = """
CREATE FUNCTION refuse_unentered_disposal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM disposed) OR EXISTS (
        SELECT FROM disposed WHERE NOT EXISTS (
            SELECT FROM {schema}.audit_entry AS entry
            WHERE entry.subject_kind = 'feed_delivery' AND entry.subject_id = disposed.delivery_id::text
              AND entry.action = 'dispose_of_feed_content' AND entry.xmin = pg_current_xact_id()::xid
        )
    ) THEN
        RAISE EXCEPTION 'append_only: raw content goes by dispose_of_feed_content() alone'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END
$$
"""


def upgrade() -> None:
    """Let raw content be deleted only in a transaction that enters it, and by the function alone."""
    run = op.get_bind().exec_driver_sql
    for text in (DISPOSE, REFUSE_UNENTERED):
        run(text.format(schema=context.config.attributes["schema"]))
    for function in ("dispose_of_feed_content(integer, integer)", "refuse_unentered_disposal()"):
        run(f"REVOKE ALL ON FUNCTION {function} FROM PUBLIC")
    run(f"GRANT EXECUTE ON FUNCTION dispose_of_feed_content(integer, integer) TO {_card_ingest()}")
    run("DROP TRIGGER append_only ON feed_content")
    run(
        "CREATE TRIGGER append_only BEFORE UPDATE OR TRUNCATE ON feed_content"
        " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    run(
        "CREATE TRIGGER only_with_an_entry AFTER DELETE ON feed_content REFERENCING OLD TABLE AS disposed"
        " FOR EACH STATEMENT EXECUTE FUNCTION refuse_unentered_disposal()"
    )


def downgrade() -> None:
    """Let nothing of the raw content go any more."""
    run = op.get_bind().exec_driver_sql
    run("DROP TRIGGER only_with_an_entry ON feed_content")
    run("DROP TRIGGER append_only ON feed_content")
    run(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON feed_content"
        " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    run("DROP FUNCTION dispose_of_feed_content(integer, integer)")
    run("DROP FUNCTION refuse_unentered_disposal()")


def _card_ingest() -> str:
    return f"{context.config.attributes['schema']}_card_ingest"
