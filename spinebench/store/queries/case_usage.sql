-- What one answer took, in its last asking first, and what went wrong on the way to it.
SELECT line, role AS what, input_tokens, output_tokens, reasoning_tokens, cached_input_tokens, cost_usd, reused,
    NULL::VARCHAR AS message
FROM usage
WHERE run_id = $run_id AND answer_id = $answer_id
UNION ALL
SELECT line, 'failed: ' || failure_class, NULL, NULL, NULL, NULL, NULL, NULL, left(message, 2000)
FROM failures
WHERE run_id = $run_id AND answer_id = $answer_id
ORDER BY line DESC, what
