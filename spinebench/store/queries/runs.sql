-- Counted for the wanted runs at once: a subquery per run joins all answers with all extractions.
WITH counted AS (
    SELECT run_id, count(*) AS n_answers, count(*) FILTER (status = 'error') AS n_failed
    FROM answers
    WHERE $run_id::VARCHAR IS NULL OR run_id = $run_id
    GROUP BY run_id
),
waiting AS (
    SELECT run_id, count(*) AS n_unscored
    FROM unscored
    WHERE $run_id::VARCHAR IS NULL OR run_id = $run_id
    GROUP BY run_id
)
SELECT
    r.*,
    b.name AS benchmark,
    b.items_hash,
    coalesce(c.n_answers, 0) AS n_answers,
    coalesce(c.n_failed, 0) AS n_failed,
    coalesce(w.n_unscored, 0) AS n_unscored
FROM runs AS r
JOIN benchmarks AS b ON b.benchmark_id = r.benchmark_id
LEFT JOIN counted AS c ON c.run_id = r.run_id
LEFT JOIN waiting AS w ON w.run_id = r.run_id
WHERE $run_id::VARCHAR IS NULL OR r.run_id = $run_id
ORDER BY r.created_at, r.run_id
