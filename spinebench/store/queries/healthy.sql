-- Graded diagnoses of healthy images, with where the images are from.
SELECT
    g.run_id, g.model, g.persona, g.image_condition, g.option_order, g.item_id, g.epoch, g.cluster, g.task, g.disease,
    g.status, g.outcome, g.correct, g.modality, g.source, i.region, g.simulated, g.partial
FROM graded AS g
JOIN items AS i ON i.run_id = g.run_id AND i.item_id = g.item_id
WHERE g.task = 'diagnosis'
    AND coalesce(g.disease, g.gold[1]) = 'Healthy'
    AND ($run_id::VARCHAR IS NULL OR g.run_id = $run_id)
    AND ($personas::VARCHAR[] IS NULL OR list_contains($personas, g.persona))
    AND ($image_conditions::VARCHAR[] IS NULL OR list_contains($image_conditions, g.image_condition))
ORDER BY g.run_id, g.model, g.item_id, g.epoch
