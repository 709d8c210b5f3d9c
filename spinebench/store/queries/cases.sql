-- Graded answers that the filters leave, in the order of $sort, without their texts: $size of them from $skip on, or,
-- where $at_run and $at_answer name one of them, that one with $before before and $size after it. A filter that is NULL
-- leaves all. Scores, marks and the difference are those of $audit_id: score is the lowest median of the judges over the
-- dimensions (or over $dimension), difference the largest distance of the judges' from the clinicians' median.
-- n_cases counts all that the filters leave, place is where the named one stands among them, from 1.
-- $text is looked for in the answers from row $text_from to before $text_to; $cases are '<run id>/<answer id>'.
WITH judged AS (
    SELECT trace_id, dimension, median(score) AS score
    FROM judge_scores
    WHERE audit_id = $audit_id AND ($dimension::VARCHAR IS NULL OR dimension = $dimension)
    GROUP BY ALL
), rated AS (
    SELECT s.trace_id, s.dimension, median(s.score) AS score
    FROM rating_scores AS s
    SEMI JOIN current_ratings AS r ON r.audit_id = s.audit_id AND r.rating_id = s.rating_id
    WHERE s.audit_id = $audit_id AND ($dimension::VARCHAR IS NULL OR s.dimension = $dimension)
    GROUP BY ALL
), marked AS (
    SELECT trace_id, list_sort(list_distinct(list(mode))) AS modes
    FROM (
        SELECT trace_id, mode FROM judge_marks WHERE audit_id = $audit_id
        UNION ALL
        SELECT m.trace_id, m.mode
        FROM rating_marks AS m
        SEMI JOIN current_ratings AS r ON r.audit_id = m.audit_id AND r.rating_id = m.rating_id
        WHERE m.audit_id = $audit_id
    )
    GROUP BY ALL
), audited AS (
    SELECT t.run_id, t.answer_id, any_value(m.modes) AS modes, min(j.score) AS score, min(r.score) AS rating,
        max(abs(j.score - r.score)) AS difference
    FROM audit_traces AS t
    LEFT JOIN judged AS j ON j.trace_id = t.trace_id
    LEFT JOIN rated AS r ON r.trace_id = t.trace_id AND r.dimension = j.dimension
    LEFT JOIN marked AS m ON m.trace_id = t.trace_id
    WHERE t.audit_id = $audit_id
    GROUP BY ALL
), names AS (  -- ranks, since sorting 780,000 rows by texts takes four times as long as by numbers
    SELECT name, row_number() OVER (ORDER BY name) AS place
    FROM (
        SELECT DISTINCT CASE $sort::VARCHAR
            WHEN 'model' THEN model
            WHEN 'disease' THEN coalesce(disease, gold[1])
            WHEN 'outcome' THEN outcome
        END AS name
        FROM graded_rows
    )
), models AS (
    SELECT model, row_number() OVER (ORDER BY model) AS place
    FROM (SELECT DISTINCT model FROM graded_rows)
), ranked_runs AS (
    SELECT run_id, row_number() OVER (ORDER BY run_id) AS place
    FROM runs
), asked_of_scores AS (  -- where nothing asks for scores, the optimizer leaves the join with these out
    FROM audited
    WHERE $sort::VARCHAR IN ('score', 'difference') OR $modes::VARCHAR[] IS NOT NULL
        OR $score_from::DOUBLE IS NOT NULL OR $score_to::DOUBLE IS NOT NULL OR $difference::DOUBLE IS NOT NULL
), chosen AS (
    SELECT
        coalesce(CASE $sort::VARCHAR
            WHEN 'score' THEN u.score
            WHEN 'difference' THEN -u.difference
        END, 'infinity'::DOUBLE) AS by_number,
        coalesce(n.place, 1 << 30) AS by_name,
        (r.place << 44) + (q.position << 20) + m.place AS by_question,
        g.rowid AS graded_row
    FROM graded_rows AS g
    JOIN items AS q ON q.run_id = g.run_id AND q.item_id = g.item_id
    JOIN ranked_runs AS r ON r.run_id = g.run_id
    JOIN models AS m ON m.model = g.model
    LEFT JOIN names AS n ON n.name = CASE $sort::VARCHAR
        WHEN 'model' THEN g.model
        WHEN 'disease' THEN coalesce(g.disease, g.gold[1])
        WHEN 'outcome' THEN g.outcome
    END
    LEFT JOIN asked_of_scores AS u ON u.run_id = g.run_id AND u.answer_id = g.answer_id
    WHERE ($runs::VARCHAR[] IS NULL OR list_contains($runs::VARCHAR[], g.run_id))
        AND ($models::VARCHAR[] IS NULL OR list_contains($models::VARCHAR[], g.model))
        AND ($personas::VARCHAR[] IS NULL OR list_contains($personas::VARCHAR[], g.persona))
        AND ($conditions::VARCHAR[] IS NULL OR list_contains($conditions::VARCHAR[], g.image_condition))
        AND ($tasks::VARCHAR[] IS NULL OR list_contains($tasks::VARCHAR[], g.task))
        AND ($outcomes::VARCHAR[] IS NULL OR list_contains($outcomes::VARCHAR[], g.outcome))
        AND ($statuses::VARCHAR[] IS NULL OR list_contains($statuses::VARCHAR[], g.status))
        AND ($sources::VARCHAR[] IS NULL OR list_contains($sources::VARCHAR[], coalesce(g.source, 'not stated')))
        AND ($modalities::VARCHAR[] IS NULL OR list_contains($modalities::VARCHAR[], coalesce(g.modality, 'not stated')))
        AND ($items::VARCHAR[] IS NULL OR list_contains($items::VARCHAR[], g.item_id))
        AND ($shifts::BIGINT[] IS NULL OR list_contains($shifts::BIGINT[], g.shift))
        AND ($orders::VARCHAR[] IS NULL OR list_contains($orders::VARCHAR[], split_part(g.option_order, ':', 1)))
        AND (
            $diseases::VARCHAR[] IS NULL
            OR list_contains(
                $diseases::VARCHAR[], coalesce(g.disease, CASE WHEN g.task = 'diagnosis' THEN g.gold[1] END)
            )
        )
        AND (
            $answered::VARCHAR[] IS NULL
            OR (g.task = 'diagnosis' AND list_contains($answered::VARCHAR[], CASE
                WHEN g.correct THEN coalesce(g.disease, g.gold[1])
                WHEN len(g.chosen) = 0 THEN '(not answered)'
                ELSE coalesce(g.confused_with, g.chosen[1])
            END))
        )
        AND ($regions::VARCHAR[] IS NULL OR list_contains($regions::VARCHAR[], coalesce(q.region, 'not stated')))
        AND ($levels::VARCHAR[] IS NULL OR list_has_any(q.levels, $levels::VARCHAR[]))
        AND (
            $spared_levels::VARCHAR[] IS NULL
            OR (g.task = 'localization' AND NOT list_has_any(q.levels, $spared_levels::VARCHAR[]))
        )
        AND ($modes::VARCHAR[] IS NULL OR list_has_any(u.modes, $modes::VARCHAR[]))
        AND ($score_from::DOUBLE IS NULL OR u.score >= $score_from::DOUBLE)
        AND ($score_to::DOUBLE IS NULL OR u.score <= $score_to::DOUBLE)
        AND ($difference::DOUBLE IS NULL OR u.difference >= $difference::DOUBLE)
        AND (
            $text::VARCHAR IS NULL
            OR (g.run_id, g.answer_id) IN (
                SELECT (run_id, answer_id)
                FROM answers
                WHERE rowid >= coalesce($text_from::BIGINT, 0)
                    AND ($text_to::BIGINT IS NULL OR rowid < $text_to::BIGINT)
                    AND ($runs::VARCHAR[] IS NULL OR list_contains($runs::VARCHAR[], run_id))
                    AND (
                        contains(lower(text), lower($text::VARCHAR))
                        OR contains(lower(coalesce(reasoning, '')), lower($text::VARCHAR))
                    )
            )
        )
        AND (
            $cases::VARCHAR[] IS NULL
            OR (g.run_id, g.answer_id) IN (
                SELECT (split_part(name, '/', 1), split_part(name, '/', 2))
                FROM (SELECT unnest($cases::VARCHAR[]) AS name)
            )
        )
), anchor AS (
    SELECT *
    FROM chosen
    WHERE graded_row = (SELECT rowid FROM graded_rows WHERE run_id = $at_run AND answer_id = $at_answer)
), beside AS (  -- the anchor and those before it are at most 0 from it
    SELECT c.*, CASE
        WHEN c.by_number <> a.by_number THEN sign(c.by_number - a.by_number)
        WHEN c.by_name <> a.by_name THEN sign(c.by_name - a.by_name)
        WHEN c.by_question <> a.by_question THEN sign(c.by_question - a.by_question)
        ELSE sign(c.graded_row - a.graded_row)
    END AS side
    FROM chosen AS c, anchor AS a
), page AS (
    (
        FROM chosen
        WHERE $at_answer::VARCHAR IS NULL
        ORDER BY by_number, by_name, by_question, graded_row
        LIMIT coalesce($size::BIGINT, 50)
        OFFSET coalesce($skip::BIGINT, 0)
    )
    UNION ALL
    (
        SELECT * EXCLUDE (side)
        FROM beside
        WHERE side < 0
        ORDER BY by_number DESC, by_name DESC, by_question DESC, graded_row DESC
        LIMIT coalesce($before::BIGINT, 1)
    )
    UNION ALL
    (
        SELECT * EXCLUDE (side)
        FROM beside
        WHERE side >= 0
        ORDER BY by_number, by_name, by_question, graded_row
        LIMIT 1 + coalesce($size::BIGINT, 1)
    )
)
SELECT
    (SELECT count(*) FROM chosen) AS n_cases,
    (SELECT count(*) FROM beside WHERE side <= 0) AS place,
    g.run_id, g.answer_id, g.item_id, g.model, g.persona, g.image_condition, g.option_order, g.epoch, g.task,
    coalesce(g.disease, CASE WHEN g.task = 'diagnosis' THEN g.gold[1] END) AS disease,
    g.modality, g.source, g.outcome, g.status, g.correct, g.gold, g.chosen,
    u.score, u.rating, u.difference, u.modes, g.simulated, g.partial
FROM page AS p
JOIN graded_rows AS g ON g.rowid = p.graded_row
LEFT JOIN audited AS u ON u.run_id = g.run_id AND u.answer_id = g.answer_id
ORDER BY p.by_number, p.by_name, p.by_question, p.graded_row
