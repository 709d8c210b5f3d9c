-- A page of answers in journal order. The lines are chosen first, so that texts are read of these rows only.
SELECT a.*, x.letters, x.status AS extraction_status, x.rule, g.correct, g.outcome
FROM answers AS a
LEFT JOIN extractions AS x ON x.run_id = a.run_id AND x.answer_id = a.answer_id
LEFT JOIN grades AS g ON g.run_id = a.run_id AND g.answer_id = a.answer_id
WHERE a.run_id = $run_id
    AND a.line IN (
        SELECT line
        FROM answers
        WHERE run_id = $run_id AND ($model::VARCHAR IS NULL OR model = $model)
        ORDER BY line
        LIMIT coalesce($size::BIGINT, 50)
        OFFSET coalesce($skip::BIGINT, 0)
    )
ORDER BY a.line
