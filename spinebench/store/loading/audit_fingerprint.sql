-- Per table and audit: how many rows, and a fingerprint of their contents whatever their order.
SELECT 'audits' AS table_name, audit_id AS audit_id, count(*) AS n, sum(hash(t)::HUGEINT)::VARCHAR AS fingerprint
FROM audits AS t GROUP BY audit_id
UNION ALL
SELECT 'audit_strata', audit_id, count(*), sum(hash(t)::HUGEINT)::VARCHAR FROM audit_strata AS t GROUP BY audit_id
UNION ALL
SELECT 'audit_traces', audit_id, count(*), sum(hash(t)::HUGEINT)::VARCHAR FROM audit_traces AS t GROUP BY audit_id
UNION ALL
SELECT 'judgements', audit_id, count(*), sum(hash(t)::HUGEINT)::VARCHAR FROM judgements AS t GROUP BY audit_id
UNION ALL
SELECT 'judge_scores', audit_id, count(*), sum(hash(t)::HUGEINT)::VARCHAR FROM judge_scores AS t GROUP BY audit_id
UNION ALL
SELECT 'judge_marks', audit_id, count(*), sum(hash(t)::HUGEINT)::VARCHAR FROM judge_marks AS t GROUP BY audit_id
UNION ALL
SELECT 'judge_claims', audit_id, count(*), sum(hash(t)::HUGEINT)::VARCHAR FROM judge_claims AS t GROUP BY audit_id
UNION ALL
SELECT 'judge_replies', audit_id, count(*), sum(hash(t)::HUGEINT)::VARCHAR FROM judge_replies AS t GROUP BY audit_id
UNION ALL
SELECT 'judge_usage', audit_id, count(*), sum(hash(t)::HUGEINT)::VARCHAR FROM judge_usage AS t GROUP BY audit_id
UNION ALL
SELECT 'judge_failures', audit_id, count(*), sum(hash(t)::HUGEINT)::VARCHAR FROM judge_failures AS t GROUP BY audit_id
UNION ALL
SELECT 'reviews', audit_id, count(*), sum(hash(t)::HUGEINT)::VARCHAR FROM reviews AS t GROUP BY audit_id
UNION ALL
SELECT 'review_dimensions', audit_id, count(*), sum(hash(t)::HUGEINT)::VARCHAR FROM review_dimensions AS t GROUP BY audit_id
UNION ALL
SELECT 'trace_checks', audit_id, count(*), sum(hash(t)::HUGEINT)::VARCHAR FROM trace_checks AS t GROUP BY audit_id
UNION ALL
SELECT 'raters', '', count(*), sum(hash(t)::HUGEINT)::VARCHAR FROM raters AS t
UNION ALL
SELECT 'assignments', audit_id, count(*), sum(hash(t)::HUGEINT)::VARCHAR FROM assignments AS t GROUP BY audit_id
UNION ALL
SELECT 'ratings', audit_id, count(*), sum(hash(t)::HUGEINT)::VARCHAR FROM ratings AS t GROUP BY audit_id
UNION ALL
SELECT 'rating_scores', audit_id, count(*), sum(hash(t)::HUGEINT)::VARCHAR FROM rating_scores AS t GROUP BY audit_id
UNION ALL
SELECT 'rating_marks', audit_id, count(*), sum(hash(t)::HUGEINT)::VARCHAR FROM rating_marks AS t GROUP BY audit_id
UNION ALL
SELECT 'rating_locks', audit_id, count(*), sum(hash(t)::HUGEINT)::VARCHAR FROM rating_locks AS t GROUP BY audit_id
UNION ALL
SELECT 'adjudications', audit_id, count(*), sum(hash(t)::HUGEINT)::VARCHAR FROM adjudications AS t GROUP BY audit_id
