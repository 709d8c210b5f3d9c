SELECT audit_id, judge, failure_class, count(*) AS n, count(DISTINCT judgement_id) AS n_judgements,
    any_value(message) AS example
FROM judge_failures
WHERE $audit_id::VARCHAR IS NULL OR audit_id = $audit_id
GROUP BY ALL
ORDER BY audit_id, judge, n DESC, failure_class
