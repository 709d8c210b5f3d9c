-- Dimensions that were scored and failure modes that were found in an audit, by judges or clinicians.
SELECT DISTINCT 'dimension' AS kind, dimension AS name FROM judge_scores WHERE audit_id = $audit_id
UNION
SELECT DISTINCT 'dimension', dimension FROM rating_scores WHERE audit_id = $audit_id
UNION
SELECT DISTINCT 'mode', mode FROM judge_marks WHERE audit_id = $audit_id
UNION
SELECT DISTINCT 'mode', mode FROM rating_marks WHERE audit_id = $audit_id
ORDER BY kind, name
