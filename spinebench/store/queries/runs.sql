SELECT
    r.*,
    b.name AS benchmark,
    b.items_hash,
    (SELECT count(*) FROM answers AS a WHERE a.run_id = r.run_id) AS n_answers,
    (SELECT count(*) FROM answers AS a WHERE a.run_id = r.run_id AND a.status = 'error') AS n_failed,
    (SELECT count(*) FROM unscored AS u WHERE u.run_id = r.run_id) AS n_unscored
FROM runs AS r
JOIN benchmarks AS b ON b.benchmark_id = r.benchmark_id
WHERE $run_id::VARCHAR IS NULL OR r.run_id = $run_id
ORDER BY r.created_at, r.run_id
