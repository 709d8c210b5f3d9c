-- The first line that parses as JSON but is no entry of this run; no row when all are.
SELECT min(line)
FROM staged
WHERE (answer IS NULL AND scored IS NULL)
    OR (answer IS NOT NULL AND answer_id IS NULL)
    OR (scored IS NOT NULL AND scored_id IS NULL)
    OR (answer IS NOT NULL AND (
        answer.run_id IS DISTINCT FROM $run_id
        OR NOT coalesce(list_contains($statuses, answer.status), false)
        OR answer.key.item_id NOT IN (SELECT item_id FROM items WHERE run_id = $run_id)
    ))
    OR answer_id <> scored_id
    OR (scored IS NOT NULL AND (
        scored.run_id IS DISTINCT FROM $run_id
        OR NOT coalesce(list_contains($statuses, scored.extraction.status), false)
        OR NOT coalesce(list_contains($outcomes, scored.grade.outcome), false)
    ))
HAVING min(line) IS NOT NULL;
