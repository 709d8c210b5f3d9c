-- Make room for later judgements, reviews and decisions of the same keys.
DELETE FROM judgements WHERE audit_id = $audit_id AND judgement_id IN (SELECT unnest($judgement_ids));
DELETE FROM judge_scores WHERE audit_id = $audit_id AND judgement_id IN (SELECT unnest($judgement_ids));
DELETE FROM judge_marks WHERE audit_id = $audit_id AND judgement_id IN (SELECT unnest($judgement_ids));
DELETE FROM judge_claims WHERE audit_id = $audit_id AND judgement_id IN (SELECT unnest($judgement_ids));
DELETE FROM judge_replies WHERE audit_id = $audit_id AND judgement_id IN (SELECT unnest($judgement_ids));
DELETE FROM reviews WHERE audit_id = $audit_id AND trace_id IN (SELECT unnest($reviewed));
DELETE FROM review_dimensions WHERE audit_id = $audit_id AND trace_id IN (SELECT unnest($reviewed));
DELETE FROM trace_checks WHERE audit_id = $audit_id AND trace_id IN (SELECT unnest($reviewed));
DELETE FROM adjudications
WHERE audit_id = $audit_id AND trace_id || chr(31) || dimension IN (SELECT unnest($decided));
