-- Who scored how much. Of a judge: judgements by status; not asked yet, unparsed, refused and failed all count against
-- coverage, which is n_scored / n_planned. Of a clinician: per dimension the current ratings, where coverage is
-- n_scored / n_done; `rating_progress` says how many packets are still to be rated.
SELECT
    a.audit_id, 'judge' AS source, w.judge AS rater, NULL::VARCHAR AS dimension, a.n_traces * a.repeats AS n_planned,
    count(j.judgement_id) AS n_done,
    count(j.judgement_id) FILTER (j.status = 'scored') AS n_scored,
    count(j.judgement_id) FILTER (j.status = 'unparsed') AS n_unparsed,
    count(j.judgement_id) FILTER (j.status = 'refused') AS n_refused,
    count(j.judgement_id) FILTER (j.status = 'error') AS n_failed,
    0 AS n_cannot_assess,
    a.simulated, a.partial
FROM audits AS a
CROSS JOIN LATERAL (SELECT unnest(a.judges) AS judge) AS w
LEFT JOIN judgements AS j ON j.audit_id = a.audit_id AND j.judge = w.judge
WHERE $audit_id::VARCHAR IS NULL OR a.audit_id = $audit_id
GROUP BY ALL
UNION ALL
SELECT
    r.audit_id, 'clinician', r.rater, s.dimension, NULL, count(*), count(s.score), 0, 0, 0,
    count(*) FILTER (s.cannot_assess),
    bool_or(s.simulated) OR bool_or(coalesce(c.simulated, false)), bool_or(s.partial)
FROM current_ratings AS r
JOIN rating_scores AS s ON s.audit_id = r.audit_id AND s.rating_id = r.rating_id
LEFT JOIN raters AS c ON c.rater = r.rater
WHERE $audit_id::VARCHAR IS NULL OR r.audit_id = $audit_id
GROUP BY r.audit_id, r.rater, s.dimension
ORDER BY audit_id, source DESC, rater, dimension
