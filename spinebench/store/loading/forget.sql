-- Every row of a run; and of its benchmark, where no other run is left of it.
DELETE FROM ingested WHERE run_id = $run_id;
DELETE FROM items WHERE run_id = $run_id;
DELETE FROM answers WHERE run_id = $run_id;
DELETE FROM extractions WHERE run_id = $run_id;
DELETE FROM grades WHERE run_id = $run_id;
DELETE FROM graded_rows WHERE run_id = $run_id;
DELETE FROM usage WHERE run_id = $run_id;
DELETE FROM failures WHERE run_id = $run_id;
DELETE FROM runs WHERE run_id = $run_id;
DELETE FROM benchmarks WHERE benchmark_id NOT IN (SELECT benchmark_id FROM runs);
