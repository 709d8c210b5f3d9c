-- Localizations with all levels off by the same number of levels (caudal positive), counted by that number.
SELECT run_id, model, persona, image_condition, shift, count(*) AS n
FROM graded
WHERE task = 'localization'
    AND shift IS NOT NULL
    AND ($run_id::VARCHAR IS NULL OR run_id = $run_id)
    AND ($model::VARCHAR IS NULL OR model = $model)
GROUP BY ALL
ORDER BY run_id, model, persona, image_condition, shift
