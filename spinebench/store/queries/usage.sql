-- What was paid for; a sum is NULL where nothing was reported, and n_priced says how many answers had a price.
SELECT run_id, model, role,
    count(*) AS n,
    count(*) FILTER (reused) AS n_reused,
    count(cost_usd) FILTER (NOT reused) AS n_priced,
    sum(input_tokens) FILTER (NOT reused)::BIGINT AS input_tokens,
    sum(output_tokens) FILTER (NOT reused)::BIGINT AS output_tokens,
    sum(reasoning_tokens) FILTER (NOT reused)::BIGINT AS reasoning_tokens,
    sum(cached_input_tokens) FILTER (NOT reused)::BIGINT AS cached_input_tokens,
    sum(cost_usd) FILTER (NOT reused) AS cost_usd
FROM usage
WHERE $run_id::VARCHAR IS NULL OR run_id = $run_id
GROUP BY ALL
ORDER BY run_id, model, role
