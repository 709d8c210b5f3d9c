INSERT INTO audits VALUES (
    $audit_id, $created_at, $run_ids, $judges, $repeats, $rubrics, $rubric_hash, $prompt_hash, $shows_image,
    $shows_gold, $mode, $strata_by, $per_cell, $tuning_share, $sample_seed, $n_frame, $frame_hash, $random_share,
    $seed, $n_traces, $simulated, $partial, $digest, $digest_parts, $plan, $versions
);
