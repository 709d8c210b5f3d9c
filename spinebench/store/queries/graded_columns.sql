-- What summaries and comparisons are computed from, of one run, in no order: sorting is dear and they need none.
SELECT
    run_id, model, persona, image_condition, option_order, epoch, item_id, benchmark, task, disease, cluster, status,
    outcome, correct, precision, recall, f1, jaccard, chosen, gold, n_options, options, simulated, partial
FROM graded
WHERE ($run_id::VARCHAR IS NULL OR run_id = $run_id)
    AND ($personas::VARCHAR[] IS NULL OR list_contains($personas::VARCHAR[], persona))
    AND ($conditions::VARCHAR[] IS NULL OR list_contains($conditions::VARCHAR[], image_condition))
