-- How long the answers took that were asked, not reused: seconds of the successful attempt.
SELECT run_id, model,
    count(*) AS n,
    count(latency_s) FILTER (NOT reused) AS n_timed,
    median(latency_s) FILTER (NOT reused) AS median_latency_s,
    quantile_cont(latency_s, 0.95) FILTER (NOT reused) AS p95_latency_s,
    min(finished_at) AS first_at,
    max(finished_at) AS last_at
FROM answers
WHERE $run_id::VARCHAR IS NULL OR run_id = $run_id
GROUP BY ALL
ORDER BY run_id, model
