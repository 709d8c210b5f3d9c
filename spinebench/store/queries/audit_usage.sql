-- What the judges were paid for, apart from the examinees; a sum is NULL where nothing was reported, and n_priced says
-- how many replies had a price.
SELECT audit_id, judge, 'judge' AS role,
    count(*) AS n,
    count(*) FILTER (reused) AS n_reused,
    count(cost_usd) FILTER (NOT reused) AS n_priced,
    sum(input_tokens) FILTER (NOT reused)::BIGINT AS input_tokens,
    sum(output_tokens) FILTER (NOT reused)::BIGINT AS output_tokens,
    sum(reasoning_tokens) FILTER (NOT reused)::BIGINT AS reasoning_tokens,
    sum(cached_input_tokens) FILTER (NOT reused)::BIGINT AS cached_input_tokens,
    sum(cost_usd) FILTER (NOT reused) AS cost_usd,
    bool_or(simulated) AS simulated,
    bool_or(partial) AS partial
FROM judge_usage
WHERE $audit_id::VARCHAR IS NULL OR audit_id = $audit_id
GROUP BY ALL
ORDER BY audit_id, judge
