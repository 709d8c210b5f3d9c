SELECT *
FROM confusion
WHERE ($run_id::VARCHAR IS NULL OR run_id = $run_id) AND ($model::VARCHAR IS NULL OR model = $model)
ORDER BY run_id, model, persona, image_condition, option_order, disease, answered
