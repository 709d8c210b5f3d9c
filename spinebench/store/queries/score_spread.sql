-- How each rater used the scale on one task and dimension: first showings of validation traces, current ratings.
WITH given AS (
    SELECT s.audit_id, s.trace_id, 'judge' AS source, s.judge AS rater, s.score
    FROM judge_scores AS s
    WHERE s.audit_id = $audit_id AND s.dimension = $dimension AND s.repeat = 1
    UNION ALL
    SELECT s.audit_id, s.trace_id, 'clinician', s.rater, s.score
    FROM rating_scores AS s
    JOIN current_ratings AS r ON r.audit_id = s.audit_id AND r.rating_id = s.rating_id
    WHERE s.audit_id = $audit_id AND s.dimension = $dimension AND NOT r.duplicate AND s.score IS NOT NULL
), counted AS (
    SELECT g.source, g.rater, g.score, count(*) AS n
    FROM given AS g
    JOIN audit_traces AS t ON t.audit_id = g.audit_id AND t.trace_id = g.trace_id
    WHERE t.split = 'validation' AND t.task = $task
    GROUP BY ALL
)
SELECT
    source, rater, sum(n)::BIGINT AS n_scored, sum(n * score) / sum(n) AS mean,
    list(score ORDER BY score) AS scores, list(n ORDER BY score) AS counts
FROM counted
GROUP BY ALL
ORDER BY source, rater
