-- A page of answers of some tasks with what they are held against, in journal order after line $after. The lines are
-- chosen first, so that texts are read of these rows only.
SELECT a.line, a.model, a.persona, a.image_condition, a.status, a.text, x.sections, i.task, i.levels, i.gold,
    i.reference, i.clinical_case, i.cluster
FROM answers AS a
JOIN items AS i ON i.run_id = a.run_id AND i.item_id = a.item_id
LEFT JOIN extractions AS x ON x.run_id = a.run_id AND x.answer_id = a.answer_id
WHERE a.run_id = $run_id
    AND i.run_id = $run_id
    AND a.line IN (
        SELECT w.line
        FROM answers AS w
        JOIN items AS j ON j.run_id = w.run_id AND j.item_id = w.item_id
        WHERE w.run_id = $run_id AND w.line > $after AND list_contains($tasks::VARCHAR[], j.task)
        ORDER BY w.line
        LIMIT $size::BIGINT
    )
ORDER BY a.line
