-- What the runs asked: items by run and task.
SELECT run_id, task, count(*) AS n_items
FROM items
GROUP BY run_id, task
ORDER BY run_id, task
