-- What the runs asked: items by run and task.
SELECT run_id, task, count(*) AS n_items
FROM items
WHERE $run_id::VARCHAR IS NULL OR run_id = $run_id
GROUP BY run_id, task
ORDER BY run_id, task
