-- A run and its benchmark; statement by statement.
INSERT INTO benchmarks
SELECT $benchmark_id, $name, $format, $path, $n_items, $n_by_task, $n_clusters, $items_hash, $simulated
WHERE NOT EXISTS (FROM benchmarks WHERE benchmark_id = $benchmark_id);

INSERT INTO runs VALUES (
    $run_id, $created_at, $benchmark_id, $models, $personas, $image_conditions, $option_orders, $epochs, $run_n_items,
    $n_planned, $partial, $run_simulated, $seed, $digest, $digest_parts, $plan, $versions
);
