-- A page of groups of items that ask the same of the same images and give the same answer: they count double.
SELECT run_id, task, question, count(*) AS n, list(item_id ORDER BY position)[:20] AS item_ids,
    count(*) OVER () AS n_groups,
    (sum(count(*)) OVER () - count(*) OVER ())::BIGINT AS n_repeats
FROM items
WHERE $run_id::VARCHAR IS NULL OR run_id = $run_id
GROUP BY run_id, task, question, list_sort(options), list_sort(gold), images::VARCHAR
HAVING count(*) > 1
ORDER BY n DESC, min(position)
LIMIT $size::BIGINT
