SELECT *
FROM results
WHERE $run_id::VARCHAR IS NULL OR run_id = $run_id
ORDER BY run_id, model, persona, image_condition, option_order
