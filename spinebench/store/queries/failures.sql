SELECT run_id, model, failure_class, status_code, count(*) AS n, count(DISTINCT answer_id) AS n_answers,
    arg_max(message, failed_at) AS last_message, max(failed_at) AS last_at
FROM failures
WHERE $run_id::VARCHAR IS NULL OR run_id = $run_id
GROUP BY ALL
ORDER BY run_id, n DESC, model, failure_class, status_code
