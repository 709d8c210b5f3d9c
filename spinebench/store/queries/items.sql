SELECT *
FROM items
WHERE $run_id::VARCHAR IS NULL OR run_id = $run_id
ORDER BY run_id, position
