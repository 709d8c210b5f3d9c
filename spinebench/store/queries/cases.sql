-- A page of graded answers that the filters leave, without their texts, and how many there are in all. A filter that
-- is NULL leaves all. Scores, marks and the difference are those of $audit_id: score is the lowest median of the judges
-- over the dimensions (or over $dimension), difference the largest distance of the judges' from the clinicians' median.
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
), chosen AS (
    SELECT g.rowid AS graded_row, u.score, u.rating, u.difference, u.modes,
        CASE $sort::VARCHAR
            WHEN 'score' THEN u.score
            WHEN 'difference' THEN -u.difference
        END AS by_number,
        CASE $sort::VARCHAR
            WHEN 'model' THEN g.model
            WHEN 'disease' THEN coalesce(g.disease, g.gold[1])
            WHEN 'outcome' THEN g.outcome
        END AS by_name,
        g.run_id, g.item_id, g.model, g.answer_id
    FROM graded_rows AS g
    LEFT JOIN audited AS u ON u.run_id = g.run_id AND u.answer_id = g.answer_id
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
        AND (
            $regions::VARCHAR[] IS NULL
            OR (g.run_id, g.item_id) IN (
                SELECT (run_id, item_id) FROM items WHERE list_contains($regions::VARCHAR[], coalesce(region, 'not stated'))
            )
        )
        AND (
            $levels::VARCHAR[] IS NULL
            OR (g.run_id, g.item_id) IN (
                SELECT (run_id, item_id) FROM items WHERE list_has_any(levels, $levels::VARCHAR[])
            )
        )
        AND (
            $spared_levels::VARCHAR[] IS NULL
            OR (g.task = 'localization' AND (g.run_id, g.item_id) IN (
                SELECT (run_id, item_id) FROM items WHERE NOT list_has_any(levels, $spared_levels::VARCHAR[])
            ))
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
                WHERE ($runs::VARCHAR[] IS NULL OR list_contains($runs::VARCHAR[], run_id))
                    AND (
                        contains(lower(text), lower($text::VARCHAR))
                        OR contains(lower(coalesce(reasoning, '')), lower($text::VARCHAR))
                    )
            )
        )
), page AS (
    SELECT *
    FROM chosen
    ORDER BY by_number NULLS LAST, by_name NULLS LAST, run_id, item_id, model, answer_id
    LIMIT coalesce($size::BIGINT, 50)
    OFFSET coalesce($skip::BIGINT, 0)
)
SELECT
    (SELECT count(*) FROM chosen) AS n_cases,
    g.run_id, g.answer_id, g.item_id, g.model, g.persona, g.image_condition, g.option_order, g.epoch, g.task,
    coalesce(g.disease, CASE WHEN g.task = 'diagnosis' THEN g.gold[1] END) AS disease,
    g.modality, g.source, g.outcome, g.status, g.correct, g.gold, g.chosen,
    p.score, p.rating, p.difference, p.modes, g.simulated, g.partial
FROM page AS p
JOIN graded_rows AS g ON g.rowid = p.graded_row
ORDER BY p.by_number NULLS LAST, p.by_name NULLS LAST, g.run_id, g.item_id, g.model, g.answer_id
