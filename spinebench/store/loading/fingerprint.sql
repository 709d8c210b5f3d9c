-- Per table and run: how many rows, and a fingerprint of their contents whatever their order.
SELECT 'benchmarks' AS table_name, '' AS run_id, count(*) AS n, sum(hash(t)::HUGEINT)::VARCHAR AS fingerprint
FROM benchmarks AS t
UNION ALL
SELECT 'runs', run_id, count(*), sum(hash(t)::HUGEINT)::VARCHAR FROM runs AS t GROUP BY run_id
UNION ALL
SELECT 'items', run_id, count(*), sum(hash(t)::HUGEINT)::VARCHAR FROM items AS t GROUP BY run_id
UNION ALL
SELECT 'answers', run_id, count(*), sum(hash(t)::HUGEINT)::VARCHAR FROM answers AS t GROUP BY run_id
UNION ALL
SELECT 'extractions', run_id, count(*), sum(hash(t)::HUGEINT)::VARCHAR FROM extractions AS t GROUP BY run_id
UNION ALL
SELECT 'grades', run_id, count(*), sum(hash(t)::HUGEINT)::VARCHAR FROM grades AS t GROUP BY run_id
UNION ALL
SELECT 'usage', run_id, count(*), sum(hash(t)::HUGEINT)::VARCHAR FROM usage AS t GROUP BY run_id
UNION ALL
SELECT 'failures', run_id, count(*), sum(hash(t)::HUGEINT)::VARCHAR FROM failures AS t GROUP BY run_id
UNION ALL
SELECT 'graded_rows', run_id, count(*), sum(hash(t)::HUGEINT)::VARCHAR FROM graded_rows AS t GROUP BY run_id
