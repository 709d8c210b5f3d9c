-- Graded localizations, with the levels that were right, named and offered.
SELECT
    run_id, model, persona, image_condition, option_order, item_id, epoch, cluster, task, disease, status, outcome,
    correct, precision, recall, f1, jaccard, gold, chosen, options, shift, simulated, partial
FROM graded
WHERE task = 'localization'
    AND ($run_id::VARCHAR IS NULL OR run_id = $run_id)
    AND ($model::VARCHAR IS NULL OR model = $model)
    AND ($personas::VARCHAR[] IS NULL OR list_contains($personas, persona))
    AND ($image_conditions::VARCHAR[] IS NULL OR list_contains($image_conditions, image_condition))
ORDER BY run_id, model, item_id, epoch
