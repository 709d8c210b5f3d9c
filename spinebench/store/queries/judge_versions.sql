-- With which model, prompt and rubrics each judge made the judgements that count: more than one row per judge means
-- that something changed on the way.
SELECT j.audit_id, j.judge, p.provider_model, j.prompt_hash, j.rubric_hash, count(*) AS n
FROM judgements AS j
LEFT JOIN judge_replies AS p
    ON p.audit_id = j.audit_id AND p.judgement_id = j.judgement_id AND p.number = j.n_replies
WHERE j.status = 'scored' AND ($audit_id::VARCHAR IS NULL OR j.audit_id = $audit_id)
GROUP BY ALL
ORDER BY j.audit_id, j.judge, p.provider_model, j.prompt_hash, j.rubric_hash
